// Random statements of others beside a server that captures their database: each has the outcome that it has in a database
// without Pulse, PostgreSQL stays up, and every row that was committed is captured, or missing in a gap that was told.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type pg from 'pg';

import { Oracle } from '../harness/oracle.js';
import { postgresMajor } from '../harness/paths.js';
import type { Pulse } from '../harness/pulse.js';
import { Random } from '../harness/random.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const seedsOfCi = 8;
const statementsOfSeed = 60;

// Exceptions, which docs/decisions/0009-what-is-published.md tells and no statement here is: DROP INDEX CONCURRENTLY of an
// identity, SET UNLOGGED of a listed table, and an explicit REPLICA IDENTITY NOTHING, whose UPDATEs and DELETEs are not sent.
function statement(random: Random): string {
  const table = (): string => `t${random.between(0, 3)}`;
  const part = (): string => `p${random.between(0, 1)}`;
  const any = (): string => random.pick([table(), table(), part(), `${part()}${random.between(0, 1)}`, `inner${random.between(0, 1)}.t`]);
  const key = (): string => random.pick(['', ' PRIMARY KEY', ' PRIMARY KEY DEFERRABLE', ' NOT NULL', ' NOT NULL UNIQUE']);
  const value = (): number => random.between(0, 19);
  return random.pick<() => string>([
    () => `CREATE TABLE ${table()} (a int${key()}, b int)`,
    () => `CREATE TABLE ${table()} (a int, b int, c dom${random.between(0, 1)} PRIMARY KEY DEFAULT 'x')`,
    () => `CREATE TABLE ${table()} AS SELECT ${value()} AS a, 1 AS b`,
    () => `CREATE TABLE ${table()} (LIKE ${any()} INCLUDING ALL)`,
    () => `CREATE TABLE ${table()} () INHERITS (${table()})`,
    () => `CREATE TEMP TABLE temporary (a int, b int)`,
    () => `CREATE UNLOGGED TABLE ${table()} (a int, b int)`,
    () => `CREATE TABLE ${part()} (a int${key()}, b int) PARTITION BY RANGE (a)`,
    () => `CREATE TABLE ${part()}0 PARTITION OF ${part()} FOR VALUES FROM (0) TO (10)`,
    () => `CREATE TABLE ${part()}1 PARTITION OF ${part()} DEFAULT`,
    () => `ALTER TABLE ${part()} DETACH PARTITION ${part()}${random.between(0, 1)}`,
    () => `ALTER TABLE ${part()} ATTACH PARTITION ${any()} FOR VALUES FROM (10) TO (20)`,
    () => `DROP TABLE ${any()}${random.pick(['', ' CASCADE'])}`,
    () => `DROP TABLE IF EXISTS ${any()}, ${any()} CASCADE`,
    () => `ALTER TABLE ${any()} DROP CONSTRAINT ${any()}_pkey`,
    () => `ALTER TABLE ${table()} DROP CONSTRAINT IF EXISTS ${table()}_pkey CASCADE`,
    () => `ALTER TABLE ${any()} ADD PRIMARY KEY (${random.pick(['a', 'b'])})`,
    () => `ALTER TABLE ${any()} ADD COLUMN ${random.pick(['c', 'd'])} int${random.pick(['', ' DEFAULT 7', ' PRIMARY KEY'])}`,
    () => `ALTER TABLE ${any()} DROP COLUMN ${random.pick(['a', 'b', 'c'])}${random.pick(['', ' CASCADE'])}`,
    () => `ALTER TABLE ${any()} ALTER a TYPE bigint`,
    () => `ALTER TABLE ${table()} RENAME TO ${table()}`,
    () => `ALTER TABLE ${table()} SET SCHEMA inner${random.between(0, 1)}`,
    () => `ALTER TABLE ${any()} REPLICA IDENTITY ${random.pick(['FULL', 'DEFAULT'])}`,
    () => `ALTER TABLE ${any()} REPLICA IDENTITY USING INDEX ${random.pick(['i0', 'i1'])}`,
    () => `ALTER TABLE ${any()} SET LOGGED`,
    () => `CREATE UNIQUE INDEX ${random.pick(['i0', 'i1'])} ON ${any()} (a)`,
    () => `DROP INDEX ${random.pick(['i0', 'i1'])}`,
    () => `CREATE DOMAIN dom${random.between(0, 1)} AS text`,
    () => `DROP DOMAIN dom${random.between(0, 1)} CASCADE`,
    () => `CREATE SCHEMA inner${random.between(0, 1)} CREATE TABLE t (a int${key()}, b int)`,
    () => `DROP SCHEMA inner${random.between(0, 1)} CASCADE`,
    ...Array.from({ length: 5 }, () => () => `INSERT INTO ${any()} (a, b) SELECT n, n FROM generate_series(${random.between(0, 9)}, ${random.between(8, 19)}) n`),
    ...Array.from({ length: 4 }, () => () => `UPDATE ${any()} SET b = ${value()} WHERE a < ${value()}`),
    ...Array.from({ length: 3 }, () => () => `DELETE FROM ${any()} WHERE a > ${value()}`),
    () => `UPDATE ${any()} SET a = a + 20`,
    () => `TRUNCATE ${any()} CASCADE`,
    () => 'BEGIN',
    () => `BEGIN ISOLATION LEVEL ${random.pick(['REPEATABLE READ', 'SERIALIZABLE'])}`,
    ...Array.from({ length: 4 }, () => () => 'COMMIT'),
    () => 'ROLLBACK',
    () => 'SAVEPOINT s',
    () => 'ROLLBACK TO s',
    () => 'SET ROLE app',
    () => 'RESET ROLE',
    () => `SET session_replication_role = ${random.pick(['replica', 'origin'])}`,
  ])();
}

// What a client sees of a statement: how many rows, the error, the warnings.
async function outcome(client: pg.Client, sql: string): Promise<string[]> {
  const seen: string[] = [];
  const see = ({ severity, message }: { severity?: string; message?: string }): void => {
    if (severity === 'WARNING') seen.push(`WARNING: ${message}`);
  };
  client.on('notice', see);
  try {
    const { rowCount } = await client.query(sql);
    seen.push(String(rowCount));
  } catch (reason) {
    seen.push(String(reason));
  }
  client.off('notice', see);
  return seen;
}

const anew = `
  ROLLBACK; RESET ROLE; RESET session_replication_role;
  DROP SCHEMA IF EXISTS public, inner0, inner1 CASCADE; DROP TABLE IF EXISTS temporary;
  CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO app;
  CREATE TABLE t0 (a int PRIMARY KEY, b int); CREATE TABLE t1 (a int, b int);
  CREATE TABLE p0 (a int PRIMARY KEY, b int) PARTITION BY RANGE (a); CREATE TABLE p00 PARTITION OF p0 FOR VALUES FROM (0) TO (10)`;

async function told(pulse: Pulse): Promise<boolean> {
  return (await pulse.gaps()).length !== 0 || (await pulse.capture()).problem !== '';
}

scenario('statements_of_others_have_the_outcome_that_they_have_without_pulse_and_lose_nothing_untold', async (s) => {
  const first = s.random.seed;
  const seeds = Number(process.env.PULSE_TEST_SEEDS ?? seedsOfCi);
  const postgres = await s.postgres();
  await postgres.sql('CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE postgres TO app');
  await postgres.createDatabase('without');
  await postgres.sql('GRANT CREATE ON DATABASE without TO app');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const oracle = await Oracle.copy(postgres);
  const both = [await postgres.connect('without'), await postgres.connect()] as const;
  s.atEnd(() => Promise.all(both.map((client) => client.end())));
  for (const client of both) await client.query("SET client_min_messages = 'warning'");
  let captured = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const random = new Random(seed);
    const again = `PULSE_TEST_SEED=${seed} PULSE_TEST_SEEDS=1`;
    for (const client of both) for (const part of anew.split(';')) await client.query(part);
    const history: string[] = [];
    for (let count = 0; count < statementsOfSeed; count++) {
      const sql = statement(random);
      history.push(sql);
      const [without, beside] = [await outcome(both[0], sql), await outcome(both[1], sql)];
      assert.deepEqual(beside, without, `${again}:\n${history.join(';\n')}`);
    }
    for (const client of both) await client.query('ROLLBACK');
    captured += (await oracle.changes()).length;
    await until(`${captured} events, ${again}`, async () => {
      const now = await pulse.metric('pulse_events_captured_total');
      assert.ok(now <= captured, `${again}: ${now} events instead of ${captured}:\n${history.join(';\n')}`);
      if (now === captured) return true;
      if (!(await told(pulse))) return false;
      captured = now;
      return true;
    });
  }
  const log = readFileSync(join(postgres.folder, 'log'), 'utf8');
  assert.doesNotMatch(log, /was terminated by signal|PANIC/);
  s.note(`${seeds} seeds from ${first}, ${captured} changes on PostgreSQL ${postgresMajor}`);
}, { timeoutMs: 3_600_000 });
