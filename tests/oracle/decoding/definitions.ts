// Statements that change what tables are, and what is published.
import { weighted } from './rows.js';
import { create, handleOf, nameOf, quote, shapesFor, type Table } from './tables.js';
import type { Statement, Surroundings } from './workload.js';

type Maker = (around: Surroundings, table: Table) => Statement | undefined;

// Names are used again after their table has been dropped or renamed.
export const tableNames = ['a', 'b', 'c', 'd', 'Tab le "é"', 'table', 'x'.repeat(60)];
export const schemas = ['public', 'Other Schema'];

const definition = (kind: string, sql: string, alone = false): Statement => ({ kind, sql, definition: true, alone });

const createTable: Maker = (around) => {
  const [schema, name] = [around.random.pick(schemas), around.random.pick(tableNames)];
  const taken = around.tables.some((table) => table.schema === schema && table.name === name);
  if (taken || around.tables.length > 16) return undefined;
  return definition('create table', create(around.random.pick(shapesFor(around.chosen)), schema, name));
};

const dropTable: Maker = (around, table) =>
  around.tables.length < 4 ? undefined : definition('drop table', `DROP TABLE ${nameOf(table)} CASCADE`);

const dropAndCreate: Maker = (around, table) => {
  if (table.isPartition || !tableNames.includes(table.name)) return undefined;
  const shape = around.random.pick(shapesFor(around.chosen));
  return definition(
    'drop and create table',
    `DROP TABLE ${nameOf(table)} CASCADE; ${create(shape, table.schema, table.name)}`,
  );
};

// A partitioned table whose rows are told as its own: the server tells its new name only with the next definition of a
// partition, or to a new connection (renamed_tables.test.ts).
const newNameComesLater = (table: Table): boolean => table.kind === 'p';

const renameTable: Maker = (around, table) => {
  if (newNameComesLater(table)) return undefined;
  const name = around.random.pick(tableNames);
  return around.tables.some((other) => other.schema === table.schema && other.name === name)
    ? undefined
    : definition('rename table', `ALTER TABLE ${nameOf(table)} RENAME TO ${quote(name)}`);
};

const moveTable: Maker = (_, table) =>
  newNameComesLater(table)
    ? undefined
    : definition(
        'move table to another schema',
        `ALTER TABLE ${nameOf(table)} SET SCHEMA ${quote(schemas.find((schema) => schema !== table.schema) as string)}`,
      );

const addColumn: Maker = (around, table) => {
  const types: Record<string, string> = {
    int: '7',
    text: `'by default'`,
    boolean: 'true',
    mood: 'NULL',
    'numeric(8,2)': '1.50',
  };
  const type = around.random.pick(Object.keys(types));
  const name = `added_${around.random.between(1, 4)}`;
  const extra = around.random.chance(0.5) ? ` DEFAULT ${types[type]}` : '';
  return definition('add column', `ALTER TABLE ${nameOf(table)} ADD ${name} ${type}${extra}`);
};

const free = (table: Table): Table['columns'] =>
  table.columns.filter(({ name, identity }) => name !== handleOf(table) && identity === '');

const dropColumn: Maker = (around, table) => {
  const columns = free(table).filter(({ name }) => !(table.primaryKey ?? []).includes(name));
  if (columns.length < 2) return undefined;
  return definition('drop column', `ALTER TABLE ${nameOf(table)} DROP ${quote(around.random.pick(columns).name)}`);
};

const renameColumn: Maker = (around, table) => {
  const columns = free(table).filter(({ generated, name }) => !generated && name !== 'id');
  if (columns.length === 0) return undefined;
  const to = `renamed_${around.random.between(1, 4)}`;
  return definition(
    'rename column',
    `ALTER TABLE ${nameOf(table)} RENAME ${quote(around.random.pick(columns).name)} TO ${to}`,
  );
};

const retypeColumn: Maker = (around, table) => {
  const wider: Record<string, string> = {
    integer: 'bigint',
    smallint: 'integer',
    bigint: 'numeric',
    'character varying(40)': 'text',
    mood: 'text',
    boolean: 'text',
    'numeric(12,2)': 'text',
    date: 'text',
  };
  const columns = free(table).filter(({ type }) => type in wider);
  if (columns.length === 0) return undefined;
  const { name, type } = around.random.pick(columns);
  return definition('retype column', `ALTER TABLE ${nameOf(table)} ALTER ${quote(name)} TYPE ${wider[type]}`);
};

// Partitions have identities of their own. Where one differs from its root's, the server says of it what is not so.
// With NOTHING a table's UPDATEs and DELETEs are not among the events, which are no copy then.
const changeIdentity: Maker = (around, table) => {
  if (around.tables.some(({ kind, name }) => kind === 'p' && table.name.startsWith(name))) return undefined;
  const identity =
    table.identity === 'f' && table.primaryKey !== null
      ? 'DEFAULT'
      : around.random.pick(['FULL', 'FULL', around.chosen ? 'NOTHING' : 'DEFAULT']);
  return definition('change replica identity', `ALTER TABLE ${nameOf(table)} REPLICA IDENTITY ${identity}`);
};

// A table called as create() calls a partition, and the partitioned table that it belongs to.
function aPartition(around: Surroundings, attached: boolean): { parent: Table; part: Table } | undefined {
  const pairs = around.tables.flatMap((part) => {
    const parent = around.tables.find(
      ({ kind, schema, name }) => kind === 'p' && schema === part.schema && part.name === `${name}_${part.name.at(-1)}`,
    );
    return part.isPartition === attached && parent !== undefined ? [{ parent, part }] : [];
  });
  return pairs.length === 0 ? undefined : around.random.pick(pairs);
}

const detach: Maker = (around) => {
  const found = aPartition(around, true);
  if (found === undefined) return undefined;
  return definition('detach partition', `ALTER TABLE ${nameOf(found.parent)} DETACH PARTITION ${nameOf(found.part)}`);
};

const attach: Maker = (around) => {
  const found = aPartition(around, false);
  if (found === undefined) return undefined;
  const bounds = found.part.name.endsWith('_1') ? '(MINVALUE) TO (40)' : '(40) TO (MAXVALUE)';
  return definition(
    'attach partition',
    `ALTER TABLE ${nameOf(found.parent)} ATTACH PARTITION ${nameOf(found.part)} FOR VALUES FROM ${bounds}`,
  );
};

const addLabel: Maker = (around) =>
  definition('add enum label', `ALTER TYPE mood ADD VALUE IF NOT EXISTS 'label ${around.random.between(1, 5)}'`);

const renameLabel: Maker = (around) => {
  const labels = around.tables.flatMap(({ columns }) => columns.find(({ type }) => type === 'mood')?.labels ?? []);
  if (labels.length === 0) return undefined;
  const from = around.random.pick(labels).replaceAll("'", "''");
  return definition(
    'rename enum label',
    `ALTER TYPE mood RENAME VALUE '${from}' TO 'renamed ${around.random.between(1, 9)}'`,
    true,
  );
};

const renameType: Maker = (around) => {
  const [from, to] = around.random.chance(0.4) ? ['mood', 'mood_2'] : ['mood_2', 'mood'];
  return definition('rename type', `ALTER TYPE ${from} RENAME TO ${to}`, true);
};

const remakeType: Maker = (_, table) =>
  definition(
    'drop and create type',
    `DROP TYPE mood CASCADE; CREATE TYPE mood AS ENUM ('made', 'again'); ALTER TABLE ${nameOf(table)} ADD mood mood`,
    true,
  );

// Some of the tables: whole, or with some of their columns, or with some of their rows.
export function publicationList(around: Surroundings, viaRoot: boolean): string {
  const roots = around.tables.filter(({ isPartition }) => !isPartition);
  const listed = around.random.shuffle(roots).slice(0, Math.max(2, Math.ceil(roots.length * 0.7)));
  const entries = listed.map((table) => {
    let entry = `ONLY ${nameOf(table)}`;
    if (around.serverVersion < 150000 || (table.kind === 'p' && !viaRoot)) return entry;
    const key = table.primaryKey ?? [];
    if (table.identity === 'd' && key.length > 0 && around.random.chance(0.35)) {
      const columns = table.columns
        .filter(({ name, generated }) => !generated && (key.includes(name) || around.random.chance(0.5)))
        .map(({ name }) => quote(name));
      entry += ` (${columns.join(', ')})`;
    }
    const filterable = table.columns.some(({ name, type }) => name === 'id' && type === 'integer');
    if (filterable && (table.identity === 'f' || key.includes('id')) && around.random.chance(0.35))
      entry += ` WHERE (id > ${around.random.between(5, 60)})`;
    return entry;
  });
  return entries.join(', ');
}

const alterPublication: Maker = (around) => {
  if (!around.chosen) return undefined;
  const operations = ['insert', 'update', 'delete', 'truncate'].filter(() => around.random.chance(0.85));
  const sql = around.random.chance(0.7)
    ? `ALTER PUBLICATION ${around.publication} SET TABLE ${publicationList(around, around.random.chance(0.5))}`
    : `ALTER PUBLICATION ${around.publication} SET (publish = '${operations.join(', ')}')`;
  return definition('alter publication', sql, true);
};

const makers: [number, Maker][] = [
  [10, createTable],
  [4, dropTable],
  [4, dropAndCreate],
  [7, renameTable],
  [4, moveTable],
  [12, addColumn],
  [7, dropColumn],
  [7, renameColumn],
  [9, retypeColumn],
  [5, changeIdentity],
  [10, detach],
  [4, addLabel],
  [4, renameLabel],
  [5, renameType],
  [4, remakeType],
  [12, alterPublication],
];

export function alterTables(around: Surroundings): Statement | undefined {
  if (around.tables.length === 0) return undefined;
  // Soon, as long as the partition still has the columns of its table.
  const back = attach(around, around.random.pick(around.tables));
  if (back !== undefined && around.random.chance(0.5)) return back;
  return weighted(around, makers)(around, around.random.pick(around.tables));
}
