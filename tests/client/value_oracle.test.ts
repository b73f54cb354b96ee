// Every type, edge values and random rows: the official client receives what Prisma Client itself reads from the row, and
// native events are what PostgreSQL's own functions make of it. PULSE_TEST_ROWS sets how many rows are random. Run by
// tests/matrix/prisma.py it is another Prisma version's client that is asked.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { inspect, isDeepStrictEqual } from 'node:util';

import { NativeConsumer, type NativeEvent } from '../harness/native.js';
import { root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { scenario } from '../harness/scenario.js';
import { comparable, type RealClient, type Setup, setUp, take } from './real_client.js';
import { type ValueType, valueRows, valueTable, valueTypes } from './value_types.js';

// Of tests/matrix/prisma.py; the repository's own is 6.
const prismaMajor = Number(process.env.PULSE_TEST_PRISMA ?? 6);
const prismaReads = ({ prisma }: ValueType): boolean =>
  prisma === 'reads' || (prisma === 'reads since 7' && prismaMajor >= 7);

const randomRows = Number(process.env.PULSE_TEST_ROWS ?? 2000);

// What the server fixes on its own connection: the oracle's texts must be the same.
const session = `SET DateStyle = ISO; SET TimeZone = 'UTC'; SET IntervalStyle = iso_8601; SET bytea_output = hex;
  SET extra_float_digits = 3; SET lc_monetary = 'C'`;

type Values = Record<string, unknown>;

interface Received {
  created: Values;
  unrendered?: string[];
}

async function clientUnderTest({ postgres, pulse, prisma }: Setup): Promise<RealClient> {
  if (process.env.PULSE_TEST_PRISMA === undefined) return prisma;
  const { endpointOf, extend, loadPackages } = await import('../matrix/packages.js');
  const packages = await loadPackages('esm');
  const version = '1.2.2';
  const endpoint = endpointOf(version, pulse.url);
  const extension = await packages.extension(version);
  return extend(packages.connect(postgres.url()), extension, { apiKey: pulse.apiKey, endpoint });
}

async function insert(postgres: Postgres, rows: readonly Values[]): Promise<void> {
  for (let at = 0; at < rows.length; at += 500) {
    const client = await postgres.connect();
    try {
      const portion = JSON.stringify(rows.slice(at, at + 500));
      await client.query('INSERT INTO value SELECT * FROM json_populate_recordset(NULL::value, $1)', [portion]);
    } finally {
      await client.end();
    }
  }
}

// Reads one column with Prisma, by id.
type Read = (ids: readonly number[]) => Promise<{ id: number; value: unknown }[]>;

// Adds to `to` what Prisma reads, and leaves out rows that it cannot read. One bad row fails the whole query, so the rows
// of a query that fails are asked for in halves until the bad row stands alone.
async function readable(read: Read, ids: readonly number[], to: Map<number, unknown>): Promise<void> {
  if (ids.length === 0 || (await readTogether(read, ids, to)) || ids.length === 1) return;
  const half = ids.length >> 1;
  await readable(read, ids.slice(0, half), to);
  await readable(read, ids.slice(half), to);
}

// False: Prisma could not read the rows.
async function readTogether(read: Read, ids: readonly number[], to: Map<number, unknown>): Promise<boolean> {
  try {
    for (const { id, value } of await read(ids)) to.set(id, value);
    return true;
  } catch (reason) {
    if (!/column|enum|DecimalError|is not a function/i.test(String(reason))) throw reason;
    return false;
  }
}

// What Prisma reads of a column, by id. Each row on which it is expected to fail is asked for by itself, at once: halves
// would come to that after ten queries. A wrong guess costs a query, and changes no answer.
async function readColumn(read: Read, type: ValueType, rows: readonly Values[]): Promise<Map<number, unknown>> {
  const [likely, doubtful]: [number[], number[]] = [[], []];
  for (const row of rows) (isDoubtful(type, String(row[type.column])) ? doubtful : likely).push(row.id as number);
  const values = new Map<number, unknown>();
  await readable(read, likely, values);
  // Of a type that Prisma reads nothing of, the values at the edges, and as many random ones.
  const alone = prismaReads(type) ? doubtful.length : 50;
  for (const id of doubtful.slice(0, alone)) await readTogether(read, [id], values);
  const rest = doubtful.slice(alone);
  if (rest.length > 0 && values.size === 0) await readTogether(read, rest, values);
  else await readable(read, rest, values);
  return values;
}

// Lists with a NULL in them, amounts with a sign, and types that it does not know.
function isDoubtful(type: ValueType, text: string): boolean {
  return !prismaReads(type) || /[{,]NULL[,}]/.test(text) || (type.sql === 'money' && text.startsWith('-'));
}

// NaN and invalid dates: Prisma reads something that stands for nothing.
function isFormless(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isFormless);
  return Number.isNaN(value instanceof Date ? value.getTime() : value);
}

// Where Prisma cannot be asked: the two forms of an event must say the same.
function sameAsNative(official: unknown, native: unknown): boolean {
  // A list that is NULL is empty to Prisma, and labels have Prisma's names.
  if (Array.isArray(official) && native === null) return official.length === 0;
  if (official === 'GOLD') return native === 'gold_rank';
  if (Array.isArray(official)) {
    return (
      Array.isArray(native) &&
      official.length === native.length &&
      official.every((element, index) => sameAsNative(element, native[index]))
    );
  }
  if (official === null || typeof official === 'boolean') return official === native;
  if (official instanceof Uint8Array) return Buffer.from(official).toString('base64') === native;
  if (official instanceof Date) {
    const text = String(native);
    const clock = text.replace(/[+-][0-9:]+$/, '');
    return [text, `${text}Z`, `1970-01-01T${clock}Z`].some((one) => new Date(one).getTime() === official.getTime());
  }
  if (typeof official === 'object' && 'toFixed' in official) {
    return Number(String(official)) === Number(native) || String(official) === native;
  }
  if (typeof official === 'object') return JSON.stringify(official) === JSON.stringify(native);
  // PostgreSQL's text, as the official client gets it, and ISO 8601's.
  const text = String(official);
  if (typeof native === 'object') return typeof official === 'string';
  return text === String(native) || text.replace(' ', 'T').replace('+00', 'Z') === native;
}

scenario(
  'the_official_client_receives_what_prisma_reads_and_native_events_what_postgres_says',
  async (s) => {
    s.note(`PULSE_TEST_SEED=${s.random.seed}`);
    const setup = await setUp(s, {
      sql: valueTable,
      env: { PULSE_PRISMA_SCHEMA: join(root, 'tests/client/schema.prisma') },
    });
    const { postgres, pulse } = setup;
    const prisma = await clientUnderTest(setup);
    s.atEnd(() => prisma.$disconnect());
    const stream = await prisma.value.stream({ create: {} });
    const consumer = await NativeConsumer.open(s, pulse, { table: 'value' });
    const rows = valueRows(s.random, randomRows);
    const ids = rows.map(({ id }) => id as number);
    const [received] = await Promise.all([
      take(stream, rows.length, 300_000) as unknown as Promise<Received[]>,
      insert(postgres, rows),
    ]);
    await consumer.untilReceived(rows.length);

    const wrong = await nativeDifferences(postgres, consumer.texts);
    assert.deepEqual(wrong.slice(0, 20), [], `native events, ${wrong.length} values, seed ${s.random.seed}`);

    const table = prisma.value as unknown as { findMany: (query: unknown) => Promise<Values[]> };
    const natives = new Map(consumer.events.map(({ after }) => [after?.id as number, after]));
    const events = new Map(received.map((event) => [event.created.id as number, event]));
    assert.equal(events.size, rows.length);
    const differences: string[] = [];
    const unread: string[] = [];
    for (const type of valueTypes) {
      const { column } = type;
      const read: Read = async (some) => {
        const found = await table.findMany({ where: { id: { in: some } }, select: { id: true, [column]: true } });
        return found.map((row) => ({ id: row.id as number, value: row[column] }));
      };
      const isNull = (id: number): boolean => rows[id - 1]?.[column] === null;
      // NULL says nothing: Prisma is asked for it only where it reads other values.
      const values = await readColumn(
        read,
        type,
        rows.filter((row) => row[column] !== null),
      );
      if (values.size === 0) unread.push(column);
      else await readable(read, ids.filter(isNull), values);
      for (const id of ids) {
        const event = events.get(id);
        const got = event?.created[column];
        const named = event?.unrendered?.includes(column) ?? false;
        const say = (what: string): void => {
          differences.push(`${column} of ${String(rows[id - 1]?.[column]).slice(0, 200)}: ${what}`);
        };
        if (values.has(id) && !isFormless(values.get(id))) {
          const [came, expected] = [comparable(got), comparable(values.get(id))];
          if (!isDeepStrictEqual(came, expected)) say(`${inspect(came)}, and Prisma reads ${inspect(expected)}`);
          continue;
        }
        const native = natives.get(id)?.[column];
        if (!sameAsNative(got, native)) say(`${inspect(got)}, natively ${inspect(native)}`);
        // What Prisma reads as an invalid date may have a form all the same.
        if (values.has(id) && !named && !(got instanceof Date)) say(`${inspect(got)} is not named in unrendered`);
      }
    }
    const expected = valueTypes.filter((type) => !prismaReads(type)).map(({ column }) => column);
    assert.deepEqual(unread, expected, 'the columns of which Prisma reads nothing');
    const several = `${differences.length} values, seed ${s.random.seed}`;
    assert.deepEqual(differences.slice(0, 20), [], several);
  },
  { timeoutMs: 900_000 },
);

// Compares by SQL, where numbers keep their digits: "column of id: what came, what should have come".
async function nativeDifferences(postgres: Postgres, texts: readonly string[]): Promise<string[]> {
  const client = await postgres.connect();
  try {
    await client.query(session);
    await client.query('CREATE TEMPORARY TABLE came (after json, unrendered jsonb)');
    for (const text of texts) {
      await client.query(`INSERT INTO came VALUES ($1::json -> 'after', $1::jsonb #> '{unrendered,after}')`, [text]);
    }
    await client.query('ALTER TABLE came ADD id integer; UPDATE came SET id = (after ->> $$id$$)::integer');
    const wrong: string[] = [];
    for (const type of valueTypes) wrong.push(...(await differencesOf(client, type)));
    return wrong;
  } finally {
    await client.end();
  }
}

async function differencesOf(
  client: { query: (sql: string) => Promise<{ rows: unknown[] }> },
  { column, sql, native }: ValueType,
): Promise<string[]> {
  const of = `value."${column}"`;
  const got = `came.after -> '${column}'`;
  const same =
    native === undefined
      ? `(${got})::text = COALESCE(${of}::text, 'null')`
      : `(${got})::jsonb = COALESCE(${native(of)}, 'null')`;
  const expected = native === undefined ? `${of}::text` : native(of);
  const { rows } = await client.query(
    `SELECT value.id, (${got})::text AS got, (${expected})::text AS expected FROM value LEFT JOIN came USING (id)
     WHERE (${same}) IS NOT TRUE
        OR ${sql.startsWith('ltree') ? 'NOT' : ''} COALESCE(unrendered ? '${column}', false) AND ${of} IS NOT NULL
     LIMIT 5`,
  );
  return (rows as { id: number; got: string; expected: string }[]).map(
    (row) => `${column} of ${row.id}: ${row.got}, not ${row.expected}`,
  );
}

scenario('the_old_row_has_the_values_that_the_new_one_had', async (s) => {
  const { postgres, pulse } = await setUp(s, { sql: `${valueTable}; ALTER TABLE value REPLICA IDENTITY FULL` });
  const consumer = await NativeConsumer.open(s, pulse, { table: 'value' });
  const model = { modelName: 'Value', model: { dbName: 'value', fields: allFields } };
  const texts: string[] = [];
  const official = await pulse.consume({ model, onText: (text) => texts.push(text) });
  s.atEnd(() => official.terminate());
  const rows = valueRows(s.random, 50);
  await insert(postgres, rows);
  await postgres.sql('UPDATE value SET id = -id');
  await official.untilReceived(2 * rows.length);
  await consumer.untilReceived(2 * rows.length);
  const events = consumer.events;
  for (let n = 0; n < rows.length; n++) {
    const [made, changed] = [events[n] as NativeEvent, events[rows.length + n] as NativeEvent];
    assert.equal(changed.before_kind, 'full');
    assert.deepEqual(changed.before, made.after, `native, seed ${s.random.seed}`);
    assert.deepEqual({ ...changed.after, id: n + 1 }, made.after);
    // Character by character: the official client leaves what is tagged in `before` as it comes.
    const row = /"created":(\{.*?\}),"unrendered|"created":(\{.*\})\}$/s.exec(texts[n] ?? '');
    const created = row?.[1] ?? row?.[2] ?? 'none';
    assert.ok(texts[rows.length + n]?.includes(`"before":${created},"after":`), `official, seed ${s.random.seed}`);
  }
});

const allFields = ['id', ...valueTypes.map(({ column }) => column)].map((name) => ({
  name,
  kind: 'scalar' as const,
  type: 'String',
}));
