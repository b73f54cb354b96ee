// Statements that change rows.

import { type Column, handleOf, nameOf, quote, type Table, value } from './tables.js';
import type { Statement, Surroundings } from './workload.js';

type Maker = (around: Surroundings, table: Table, handle: string) => Statement | undefined;

const writable = (table: Table): Column[] =>
  table.columns.filter(({ generated, identity }) => !generated && identity !== 'a');

const listOf = (columns: Column[]): string => columns.map(({ name }) => quote(name)).join(', ');

// A few rows are changed again and again; keys of larger runs lie beyond them.
const hot = ({ random }: Surroundings): number => random.between(1, 60);

function range(around: Surroundings, handle: string, width = 4): string {
  const from = around.random.chance(0.3) ? around.random.between(100, 3000) : hot(around);
  return `${quote(handle)} BETWEEN ${from} AND ${from + around.random.between(0, from < 100 ? width : 60)}`;
}

const insertRows: Maker = (around, table, handle) => {
  const columns = writable(table);
  const rows = Array.from({ length: around.random.between(1, 4) }, () =>
    columns.map((column) => (column.name === handle ? String(hot(around)) : value(around.random, column))).join(', '),
  );
  const skip = around.random.chance(0.6) ? ' ON CONFLICT DO NOTHING' : '';
  return {
    kind: skip === '' ? 'insert' : 'insert or nothing',
    sql: `INSERT INTO ${nameOf(table)} (${listOf(columns)}) VALUES (${rows.join('), (')})${skip}`,
  };
};

// Enough at once that the server streams the transaction where little memory is allowed for decoding.
const insertMany: Maker = (around, table, handle) => {
  const columns = writable(table).filter(({ name }) => name !== handle);
  const from = around.random.between(100, 3000);
  const count = around.random.between(5, around.random.chance(0.2) ? 600 : 120);
  const values = columns.map((column) => `, ${value(around.random, column)}`).join('');
  return {
    kind: 'insert many',
    sql:
      `INSERT INTO ${nameOf(table)} (${[handle, ...columns.map(({ name }) => name)].map(quote).join(', ')})` +
      ` SELECT number${values} FROM generate_series(${from}, ${from + count}) number ON CONFLICT DO NOTHING`,
  };
};

// One WAL record holds many rows.
const copyRows: Maker = (around, table, handle) => {
  const text = writable(table).find(({ type }) => type === 'text' || type.startsWith('character varying'));
  const from = around.random.between(10_000, 900_000);
  const columns = text === undefined ? [handle] : [handle, text.name];
  const program = `seq -f '%.0f${text === undefined ? '' : '\tcopied'}' ${from} ${from + around.random.between(0, 40)}`;
  return {
    kind: 'copy',
    sql: `COPY ${nameOf(table)} (${columns.map(quote).join(', ')}) FROM PROGRAM '${program.replaceAll("'", "''")}'`,
  };
};

const upsert: Maker = (around, table) => {
  if (table.primaryKey === null) return undefined;
  const columns = writable(table);
  const other = columns.filter(({ name }) => !table.primaryKey?.includes(name));
  if (other.length === 0) return undefined;
  const chosen = quote(around.random.pick(other).name);
  const key = table.primaryKey.map(quote).join(', ');
  const values = columns.map((column) =>
    table.primaryKey?.includes(column.name) ? String(hot(around)) : value(around.random, column),
  );
  return {
    kind: 'upsert',
    sql:
      `INSERT INTO ${nameOf(table)} (${listOf(columns)}) VALUES (${values.join(', ')})` +
      ` ON CONFLICT (${key}) DO UPDATE SET ${chosen} = EXCLUDED.${chosen}`,
  };
};

const update: Maker = (around, table, handle) => {
  const columns = writable(table).filter(({ name, identity }) => name !== handle && identity === '');
  if (columns.length === 0) return undefined;
  const settings = around.random
    .shuffle(columns)
    .slice(0, around.random.between(1, 2))
    .map((column) => `${quote(column.name)} = ${value(around.random, column)}`);
  return {
    kind: 'update',
    sql: `UPDATE ${nameOf(table)} SET ${settings.join(', ')} WHERE ${range(around, handle, 10)}`,
  };
};

// Nothing else changes: large values stay where they are, and rows of partitioned tables may move.
const updateKey: Maker = (around, table, handle) => ({
  kind: 'update of a key',
  sql:
    `UPDATE ${nameOf(table)} SET ${quote(handle)} = ${quote(handle)} + ${around.random.pick([1, 30, 5000])}` +
    ` WHERE ${range(around, handle, 0)}`,
});

const remove: Maker = (around, table, handle) => ({
  kind: 'delete',
  sql: `DELETE FROM ${nameOf(table)} WHERE ${range(around, handle)}`,
});

const merge: Maker = (around, table, handle) => {
  if (around.serverVersion < 150000) return undefined;
  const columns = writable(table).filter(({ name, identity }) => name !== handle && identity === '');
  if (columns.length === 0) return undefined;
  const column = around.random.pick(columns);
  const from = hot(around);
  const required = writable(table).filter(({ name, notNull }) => notNull && name !== handle);
  return {
    kind: 'merge',
    sql:
      `MERGE INTO ${nameOf(table)} t USING generate_series(${from}, ${from + 6}) AS s (number)` +
      ` ON t.${quote(handle)} = s.number` +
      ` WHEN MATCHED AND s.number % 3 = 0 THEN DELETE` +
      ` WHEN MATCHED THEN UPDATE SET ${quote(column.name)} = ${value(around.random, column)}` +
      ` WHEN NOT MATCHED THEN INSERT (${[handle, ...required.map(({ name }) => name)].map(quote).join(', ')})` +
      ` VALUES (s.number${required.map((one) => `, ${value(around.random, one)}`).join('')})`,
  };
};

const truncate: Maker = (around, table) => {
  const other = around.random.chance(0.3) ? `, ${nameOf(around.random.pick(around.tables))}` : '';
  return { kind: 'truncate', sql: `TRUNCATE ${nameOf(table)}${other} CASCADE` };
};

const say: Maker = (around) => ({
  kind: 'logical message',
  sql: `SELECT pg_logical_emit_message(${around.random.chance(0.5)}, 'application', 'hello')`,
});

const makers: [number, Maker][] = [
  [20, insertRows],
  [14, insertMany],
  [6, copyRows],
  [8, upsert],
  [18, update],
  [9, updateKey],
  [9, remove],
  [7, merge],
  [2, truncate],
  [3, say],
];

export function weighted<T>(around: Surroundings, choices: readonly [number, T][]): T {
  let at = around.random.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, choice] of choices) {
    at -= weight;
    if (at < 0) return choice;
  }
  return (choices[0] as [number, T])[1];
}

export function changeRows(around: Surroundings): Statement | undefined {
  if (around.tables.length === 0) return undefined;
  const table = around.random.pick(around.tables);
  const handle = handleOf(table);
  return handle === undefined ? undefined : weighted(around, makers)(around, table, handle);
}
