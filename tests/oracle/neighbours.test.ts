// Random statements of others, in several sessions, beside a server that captures their database: each has the outcome
// that it has in a database without Pulse, PostgreSQL stays up, and every row that was committed is captured, or missing in
// a gap that was told.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type pg from 'pg';

import { Oracle } from '../harness/oracle.js';
import { postgresMajor } from '../harness/paths.js';
import { type Postgres, parseLsn } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { Random } from '../harness/random.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const seedsOfCi = 20;
const statementsOfSeed = 60;
const sessions = 3;
// One statement at a time in each database: what waits, waits for what another session holds, and ends so. Pulse itself
// waits for 200 ms at most, with others behind it.
const patience = "SET client_min_messages = 'warning'; SET lock_timeout = '700ms'; SET statement_timeout = '8s'";

// Exceptions, which docs/decisions/0009-what-is-published.md tells and no statement here is: DROP INDEX CONCURRENTLY of an
// identity, SET UNLOGGED of a listed table, and an explicit REPLICA IDENTITY NOTHING, whose UPDATEs and DELETEs are not sent.
function statement(random: Random): string {
  const table = (): string => `t${random.between(0, 3)}`;
  const part = (): string => `p${random.between(0, 1)}`;
  const any = (): string =>
    random.pick([table(), table(), part(), `${part()}${random.between(0, 1)}`, `inner${random.between(0, 1)}.t`]);
  const key = (): string =>
    random.pick(['', ' PRIMARY KEY', ' PRIMARY KEY DEFERRABLE', ' NOT NULL', ' NOT NULL UNIQUE']);
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
    () =>
      `ALTER TABLE ${any()} ADD COLUMN ${random.pick(['c', 'd'])} int${random.pick(['', ' DEFAULT 7', ' PRIMARY KEY'])}`,
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
    ...Array.from(
      { length: 5 },
      () => () =>
        `INSERT INTO ${any()} (a, b) SELECT n, n FROM generate_series(${random.between(0, 9)}, ${random.between(8, 19)}) n`,
    ),
    ...Array.from({ length: 4 }, () => () => `UPDATE ${any()} SET b = ${value()} WHERE a < ${value()}`),
    ...Array.from({ length: 3 }, () => () => `DELETE FROM ${any()} WHERE a > ${value()}`),
    () => `UPDATE ${any()} SET a = a + 20`,
    () => `TRUNCATE ${any()} CASCADE`,
    () =>
      `LOCK TABLE ${any()} IN ${random.pick(['ACCESS SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', 'SHARE', 'ACCESS EXCLUSIVE'])} MODE`,
    () => `VACUUM ${random.pick(['', '(FULL) ', '(ANALYZE) '])}${any()}`,
    () =>
      `CREATE ${random.pick(['', 'UNIQUE '])}INDEX CONCURRENTLY ${random.pick(['i0', 'i1'])} ON ${table()} (${random.pick(['a', 'b'])})`,
    () => `REINDEX TABLE ${any()}`,
    () => `CREATE PUBLICATION theirs FOR TABLE ${table()} WITH (publish = 'insert')`,
    () => `ALTER PUBLICATION theirs ${random.pick(['ADD', 'DROP', 'SET'])} TABLE ${table()}`,
    () => 'DROP PUBLICATION theirs',
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

// What others do to Pulse's own publications, which only one of the databases has.
function sabotage(random: Random): string {
  const list = `"pulse_default.${random.pick(['rows', 'roots'])}${random.between(1, 8)}"`;
  return random.pick([
    `ALTER PUBLICATION ${list} DROP TABLE ${random.pick(['t0', 't1', 't2', 't3', 'p0', 'p00'])}`,
    `ALTER PUBLICATION ${list} SET (publish = 'insert')`,
    `DROP PUBLICATION ${list}`,
    `ALTER PUBLICATION "pulse_default.all" SET (publish = 'truncate')`,
  ]);
}

const anew = `
  DROP PUBLICATION IF EXISTS theirs;
  DROP SCHEMA IF EXISTS public, inner0, inner1 CASCADE; DROP TABLE IF EXISTS temporary;
  CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO app;
  CREATE TABLE t0 (a int PRIMARY KEY, b int); CREATE TABLE t1 (a int, b int);
  CREATE TABLE p0 (a int PRIMARY KEY, b int) PARTITION BY RANGE (a); CREATE TABLE p00 PARTITION OF p0 FOR VALUES FROM (0) TO (10)`;

interface Neighbours {
  // In turn: the database without Pulse, the one with it; in each, the sessions.
  both: [pg.Client[], pg.Client[]];
  again: string;
}

async function begin(s: Scenario, postgres: Postgres, user: string): Promise<Neighbours['both']> {
  const both: Neighbours['both'] = [[], []];
  for (const [place, database] of ['without', 'postgres'].entries()) {
    for (let one = 0; one < sessions; one++) {
      const client = await postgres.connect(database, user);
      s.atEnd(() => client.end());
      await client.query(patience);
      both[place as 0 | 1].push(client);
    }
  }
  return both;
}

async function startAnew({ both }: Neighbours): Promise<void> {
  for (const clients of both) {
    for (const client of clients)
      await client.query(`ROLLBACK; RESET ROLE; RESET ALL; ${patience}; DROP TABLE IF EXISTS temporary`);
    // A list that Pulse is putting right is held for a moment.
    for (const part of anew.split(';')) await until(part, async () => (await clients[0]?.query(part)) !== undefined);
  }
}

// `judge` is given what is seen without Pulse and beside it.
async function runStatements(
  { both, again }: Neighbours,
  random: Random,
  next: (random: Random) => string,
  judge: (beside: string[], without: string[], sql: string, history: string) => Promise<void> | void,
): Promise<string[]> {
  const history: string[] = [];
  for (let count = 0; count < statementsOfSeed; count++) {
    const sql = next(random);
    const session = random.between(0, sessions - 1);
    history.push(`/* ${session} */ ${sql}`);
    const [without, beside] = (await Promise.all(
      both.map((clients) => outcome(clients[session] as pg.Client, sql)),
    )) as [string[], string[]];
    await judge(beside, without, sql, `${again}:\n${history.join(';\n')}`);
  }
  for (const clients of both) for (const client of clients) await client.query('ROLLBACK');
  return history;
}

// Only what PostgreSQL did not send is missing: nothing that others do makes it another database, slot or history.
async function assertOnlyUnsent(pulse: Pulse, so: string): Promise<void> {
  for (const { kind, reason } of await pulse.gaps()) assert.equal(kind, 'unpublished', `${reason}: ${so}`);
}

// In a gap that reaches beyond `place`, wherever it began, and whether or not it is over by now.
async function told(pulse: Pulse, place: bigint): Promise<boolean> {
  const gaps = await pulse.gaps();
  return (
    gaps.some(({ through }) => through === null || parseLsn(through.lsn) > place) ||
    (await pulse.capture()).problem !== ''
  );
}

async function placeNow(postgres: Postgres): Promise<bigint> {
  const { rows } = await postgres.sql('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  return parseLsn(String(rows[0]?.lsn));
}

const capturedBy = (pulse: Pulse): Promise<number> => pulse.metric('pulse_events_captured_total');

// A row behind all others: when capture has passed it, nothing more comes.
async function writeMarker(postgres: Postgres): Promise<bigint> {
  await postgres.sql(`CREATE SCHEMA IF NOT EXISTS quiet; CREATE TABLE IF NOT EXISTS quiet.marker (a serial PRIMARY KEY);
                      INSERT INTO quiet.marker DEFAULT VALUES`);
  return placeNow(postgres);
}

const untilPassed = (pulse: Pulse, place: bigint): Promise<unknown> =>
  until('capture to pass the marker', async () => (await pulse.metric('pulse_capture_confirmed_lsn_bytes')) >= place, {
    timeoutMs: 120_000,
  });

function assertNeverCrashed(postgres: Postgres): void {
  assert.doesNotMatch(readFileSync(join(postgres.folder, 'log'), 'utf8'), /was terminated by signal|PANIC/);
}

interface Seeds {
  first: number;
  count: number;
}
const seedsOf = (s: Scenario): Seeds => ({
  first: s.random.seed,
  count: Number(process.env.PULSE_TEST_SEEDS ?? seedsOfCi),
});

async function prepare(s: Scenario, roles: string): Promise<Postgres> {
  const postgres = await s.postgres();
  await postgres.createDatabase('without');
  await postgres.sql(roles);
  for (const database of ['postgres', 'without']) {
    await postgres.sql(`GRANT CREATE ON DATABASE ${database} TO app`);
    await postgres.sql('GRANT ALL ON SCHEMA public TO app', database);
  }
  return postgres;
}

async function runAsSuperuser(s: Scenario, sabotaged: boolean): Promise<void> {
  const { first, count } = seedsOf(s);
  const postgres = await prepare(s, 'CREATE ROLE app LOGIN');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const oracle = await Oracle.copy(postgres);
  const both = await begin(s, postgres, 'postgres');
  let [all, missing] = [0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const random = new Random(seed);
    const neighbours = { both, again: `PULSE_TEST_SEED=${seed} PULSE_TEST_SEEDS=1` };
    const before = await capturedBy(pulse);
    const start = await placeNow(postgres);
    await startAnew(neighbours);
    const history = await runStatements(neighbours, random, statement, async (beside, without, _, so) => {
      assert.deepEqual(beside, without, so);
      if (!sabotaged || random.between(0, 9) !== 0) return;
      const done = sabotage(random);
      await postgres.sql(`SET lock_timeout = '500ms'; ${done}`).catch(() => {});
    });
    const place = await writeMarker(postgres);
    const changes = (await oracle.changes()).length;
    all += changes;
    const so = `${neighbours.again}:\n${history.join(';\n')}`;
    await until(
      `${changes} events, ${so}`,
      async () => {
        const now = (await capturedBy(pulse)) - before;
        assert.ok(now <= changes, `${now} events instead of ${changes}: ${so}`);
        return now === changes || (await told(pulse, start));
      },
      { timeoutMs: 120_000 },
    );
    await untilPassed(pulse, place);
    await assertOnlyUnsent(pulse, so);
    const now = (await capturedBy(pulse)) - before;
    assert.ok(now <= changes, `${now} events instead of ${changes}: ${so}`);
    missing += changes - now;
  }
  assertNeverCrashed(postgres);
  s.note(`${count} seeds from ${first}, ${all} changes, ${missing} of them in gaps, on PostgreSQL ${postgresMajor}`);
}

scenario(
  'statements_of_others_have_the_outcome_that_they_have_without_pulse_and_lose_nothing_untold',
  async (s) => {
    await runAsSuperuser(s, false);
  },
  { timeoutMs: 7_200_000 },
);

scenario(
  'what_others_do_to_the_publications_makes_no_statement_fail_and_is_told',
  async (s) => {
    await runAsSuperuser(s, true);
  },
  { timeoutMs: 7_200_000 },
);

// Its tables that lose their identity refuse UPDATE and DELETE until the next look: within a second or so, which is the
// exception that the decision names.
scenario(
  'beside_a_plain_role_statements_have_the_outcome_that_they_have_without_pulse',
  async (s) => {
    const { first, count } = seedsOf(s);
    const postgres = await prepare(s, 'CREATE ROLE app LOGIN REPLICATION');
    await postgres.sql('ALTER SCHEMA public OWNER TO app');
    await postgres.sql('ALTER SCHEMA public OWNER TO app', 'without');
    const pulse = await s.pulse({ database: postgres.url('postgres', 'app') });
    const both = await begin(s, postgres, 'app');
    const isOfOneStatement = (sql: string): boolean =>
      !/^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|LOCK|SET|RESET)/.test(sql) && !/replica identity nothing/i.test(sql);
    let refused = 0;
    for (let seed = first; seed < first + count; seed++) {
      const neighbours = { both, again: `PULSE_TEST_SEED=${seed} PULSE_TEST_SEEDS=1` };
      await startAnew(neighbours);
      // Outside of transactions, so that what was refused can be tried again.
      const next = (random: Random): string => {
        for (;;) {
          const sql = statement(random);
          if (isOfOneStatement(sql)) return sql;
        }
      };
      await runStatements(neighbours, new Random(seed), next, async (beside, without, sql, so) => {
        const client = both[1][0] as pg.Client;
        for (let tries = 0; tries < 40 && /does not have a replica identity/.test(beside.join()); tries++) {
          refused++;
          await new Promise((resolve) => setTimeout(resolve, 250));
          beside = await outcome(client, sql);
        }
        assert.deepEqual(beside, without, so);
      });
      // It goes on: a table of its own, as soon as that is listed.
      await both[1][0]?.query('CREATE TABLE marker (a int PRIMARY KEY)');
      const before = await capturedBy(pulse);
      let a = 0;
      await until(
        `a row of ${neighbours.again}`,
        async () => {
          await both[1][0]?.query(`INSERT INTO marker VALUES (${a++})`);
          return (await capturedBy(pulse)) > before;
        },
        { everyMs: 250 },
      );
      await both[1][0]?.query('DROP TABLE marker');
    }
    assertNeverCrashed(postgres);
    s.note(
      `${count} seeds from ${first}, ${refused} times refused for want of an identity, on PostgreSQL ${postgresMajor}`,
    );
  },
  { timeoutMs: 7_200_000 },
);
