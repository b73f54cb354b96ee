// What Pulse publishes makes no statement fail, wait or have another outcome, whatever way a table comes to lose its
// replica identity, and what can be published is.
import assert from 'node:assert/strict';

import type pg from 'pg';

import { type Shape, shapes } from '../harness/ddl_shapes.js';
import { Oracle } from '../harness/oracle.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

// What a client sees of statements: rows, errors and warnings.
async function outcome(client: pg.Client, sql: string, database: string): Promise<string[]> {
  const seen: string[] = [];
  const see = ({ severity, message }: { severity?: string; message?: string }): void => {
    if (severity === 'WARNING' || severity === 'ERROR') seen.push(`${severity}: ${message}`);
  };
  client.on('notice', see);
  // One by one: some may not be in a transaction block.
  for (const statement of sql.replaceAll('%D', database).match(/(?:\$f\$[^]*?\$f\$|[^;])+/g) ?? []) {
    if (statement.trim() === '') continue;
    try {
      const { rows } = await client.query<Record<string, unknown>>(statement);
      if (rows.length !== 0) seen.push(JSON.stringify(rows));
    } catch (reason) {
      seen.push(`ERROR: ${String(reason)}`);
    }
  }
  client.off('notice', see);
  return seen.map((line) => line.replaceAll(database, 'database'));
}

// Tables in the wrong place: listed without an identity that can be used, or the other way round.
const misplaced = `
  SELECT c.oid::regclass::text AS name, listed.names
  FROM pg_class c
  CROSS JOIN LATERAL (SELECT array_agg(p.pubname::text ORDER BY 1) AS names FROM pg_publication_rel r
                      JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = c.oid AND p.pubname LIKE '%.rows%') listed
  WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384
    AND (listed.names IS NOT NULL) <> (pg_get_replica_identity_index(c.oid) IS NOT NULL
      OR c.relreplident = 'f' AND NOT EXISTS (SELECT 1 FROM pg_attribute a
                                              WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped))
     OR cardinality(listed.names) > 1`;

async function prepare(client: pg.Client, shape: Shape, database: string, withPulse: boolean): Promise<void> {
  await client.query('DROP SCHEMA IF EXISTS shape CASCADE; CREATE SCHEMA shape; SET search_path = shape, public');
  const triggers = ['pulse_default.ddl', 'pulse_default.drop'];
  const all = async (how: string): Promise<void> => {
    if (!withPulse || shape.triggersOff === undefined) return;
    for (const name of triggers) await client.query(`ALTER EVENT TRIGGER "${name}" ${how}`);
  };
  await all('DISABLE');
  for (const line of await outcome(client, shape.before, database)) assert.fail(`${shape.name}: ${line}`);
  await all('ENABLE ALWAYS');
}

scenario(
  'statements_have_the_outcome_that_they_have_without_pulse_and_their_rows_arrive',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.createDatabase('without');
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const oracle = await Oracle.copy(postgres);
    let captured = 0;
    for (const shape of shapes.filter(({ from = 0 }) => postgresMajor >= from)) {
      const seen: string[][] = [];
      for (const database of ['without', 'postgres']) {
        const client = await postgres.connect(database);
        try {
          await prepare(client, shape, database, database === 'postgres');
          seen.push(await outcome(client, shape.statements, database));
          await client.query('RESET ALL');
        } finally {
          await client.end();
        }
      }
      assert.deepEqual(seen[1], seen[0], shape.name);
      const { rows } = await postgres.sql(misplaced);
      assert.deepEqual(rows, [], shape.name);
      // Every row change that PostgreSQL itself decodes.
      const changes = (await oracle.changes()).filter(
        ({ action }) => shape.insertsOnly === undefined || action === 'create',
      );
      assert.equal(changes.length === 0, shape.temporary === true, shape.name);
      captured += changes.length;
      await until(`${captured} events, after ${shape.name}`, async () => {
        const now = await pulse.metric('pulse_events_captured_total');
        assert.ok(now <= captured, `${shape.name}: ${now} events instead of ${captured}`);
        return now === captured;
      });
    }
  },
  { timeoutMs: 300_000 },
);

scenario('event_triggers_of_others_see_the_statements_of_applications_only', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await postgres.sql(`
    CREATE TABLE seen (at bigserial PRIMARY KEY, event text, tag text);
    CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO public.seen (event, tag) VALUES (tg_event, tg_tag); END';
    CREATE EVENT TRIGGER see_start ON ddl_command_start EXECUTE FUNCTION see();
    CREATE EVENT TRIGGER see_end ON ddl_command_end EXECUTE FUNCTION see();
    CREATE EVENT TRIGGER see_drop ON sql_drop EXECUTE FUNCTION see();
    TRUNCATE seen`);
  await postgres.sql('CREATE TABLE keyless (a int)');
  await postgres.sql('CREATE TABLE keyed (a int PRIMARY KEY)');
  await postgres.sql('ALTER TABLE keyed DROP CONSTRAINT keyed_pkey');
  const { rows } = await postgres.sql('SELECT event, tag FROM seen ORDER BY at');
  const statement = (tag: string): [string, string][] => [
    ['ddl_command_start', tag],
    ['ddl_command_end', tag],
  ];
  assert.deepEqual(
    rows.map(({ event, tag }) => [event, tag]).filter(([, tag]) => !/EVENT TRIGGER/.test(tag as string)),
    [
      ...statement('CREATE TABLE'),
      ...statement('CREATE TABLE'),
      ['ddl_command_start', 'ALTER TABLE'],
      ['sql_drop', 'ALTER TABLE'],
      ['ddl_command_end', 'ALTER TABLE'],
    ],
  );
  await postgres.sql('DELETE FROM keyless; DELETE FROM keyed');
  assert.equal((await pulse.capture()).problem, '');
});

// The statement must not wait: it fails when it waits for a lock at all.
async function withoutWaiting(postgres: Postgres, sql: string): Promise<void> {
  const client = await postgres.connect();
  try {
    await client.query("SET lock_timeout = '100ms'");
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function openTransaction(s: Scenario, postgres: Postgres, sql: string): Promise<pg.Client> {
  const client = await postgres.connect();
  s.atEnd(() => client.end());
  await client.query(`BEGIN; ${sql}`);
  return client;
}

scenario('tables_are_made_beside_open_transactions_that_have_made_others', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const makers: pg.Client[] = [];
  // More than there are lists.
  for (let one = 0; one < 10; one++)
    makers.push(await openTransaction(s, postgres, `CREATE TABLE made_${one} (a int PRIMARY KEY)`));
  await withoutWaiting(
    postgres,
    'CREATE TABLE beside (a int PRIMARY KEY); INSERT INTO beside VALUES (1); UPDATE beside SET a = 2',
  );
  for (const maker of makers) await maker.query('COMMIT');
  // What found no free list is listed as soon as there is one.
  await until('every table to be listed', async () => (await postgres.sql(misplaced)).rows.length === 0);
  await postgres.sql('INSERT INTO made_0 VALUES (1); UPDATE made_0 SET a = 2');
  await until('the insert and the update', async () => (await pulse.metric('pulse_events_captured_total')) >= 3);
});

scenario('a_partition_is_attached_beside_readers_of_the_parent', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE parent (a int, b int) PARTITION BY RANGE (a); CREATE TABLE child (a int, b int)');
  await s.pulse({ database: postgres.socketUrl(), args: ['--fix'] });
  await openTransaction(s, postgres, 'SELECT * FROM parent');
  await withoutWaiting(postgres, 'ALTER TABLE parent ATTACH PARTITION child FOR VALUES FROM (0) TO (10)');
  await withoutWaiting(postgres, 'INSERT INTO parent VALUES (1, 1); UPDATE parent SET b = 2; DELETE FROM parent');
});

scenario(
  'a_partition_whose_detaching_is_pending_is_written_to_and_nothing_crashes',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`CREATE TABLE parts (a int PRIMARY KEY, b int) PARTITION BY RANGE (a);
                      CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10); INSERT INTO parts VALUES (1, 1)`);
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const reader = await openTransaction(s, postgres, 'SELECT * FROM parts');
    const detaching = await postgres.connect();
    await detaching.query("SET statement_timeout = '500ms'");
    await assert.rejects(detaching.query('ALTER TABLE parts DETACH PARTITION part CONCURRENTLY'), /statement timeout/);
    await detaching.end();
    const started = await postgres.sql('SELECT pg_postmaster_start_time() AS at');
    await postgres.sql('INSERT INTO part VALUES (2, 2); UPDATE part SET b = 3; DELETE FROM part WHERE a = 1');
    await until('the events', async () => (await pulse.metric('pulse_events_captured_total')) === 4);
    await reader.query('COMMIT');
    await postgres.sql('ALTER TABLE parts DETACH PARTITION part FINALIZE; INSERT INTO part VALUES (5, 5)');
    await until('the last event', async () => (await pulse.metric('pulse_events_captured_total')) === 5);
    assert.deepEqual((await postgres.sql('SELECT pg_postmaster_start_time() AS at')).rows, started.rows);
    assert.doesNotMatch(postgres.logTail, /terminated by signal/);
  },
  { from: 14 },
);

async function captures(pulse: Pulse, postgres: Postgres, table: string): Promise<void> {
  const before = await pulse.metric('pulse_events_captured_total');
  await postgres.sql(`INSERT INTO ${table} VALUES (1000001)`);
  await until(`an event of ${table}`, async () => (await pulse.metric('pulse_events_captured_total')) > before);
}

scenario('a_keyless_table_that_appears_later_stops_nothing_and_is_told_with_its_sql', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (a int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await pulse.terminate();
  // As when the triggers were not there.
  await postgres.sql(`ALTER EVENT TRIGGER "pulse_default.ddl" DISABLE; CREATE TABLE keyless (a int);
                      ALTER EVENT TRIGGER "pulse_default.ddl" ENABLE ALWAYS`);
  await pulse.start();
  await captures(pulse, postgres, 'keyless');
  await postgres.sql('UPDATE keyless SET a = 1; DELETE FROM keyless');
  assert.match((await pulse.capture()).problem, /INSERTs and TRUNCATEs only: "public"\."keyless"/);
  assert.equal(await pulse.metric('pulse_tables_without_identity'), 1);
  const { code, output } = await pulse.command(['doctor', '--database', postgres.socketUrl()]);
  assert.equal(code, 0, output);
  const sql = /ALTER TABLE "public"\."keyless" REPLICA IDENTITY FULL;/.exec(output);
  assert.ok(sql, output);
  await postgres.sql(sql[0]);
  await until('it to be said no more', async () => (await pulse.capture()).problem === '');
  const before = await pulse.metric('pulse_events_captured_total');
  await postgres.sql('INSERT INTO keyless VALUES (1); UPDATE keyless SET a = 2; DELETE FROM keyless');
  await until('all of its events', async () => (await pulse.metric('pulse_events_captured_total')) === before + 3);
});

scenario('a_list_that_others_alter_is_put_right_at_the_next_connection', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (a int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await pulse.terminate();
  const { rows } = await postgres.sql(
    `SELECT p.pubname AS name FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = 'rows'::regclass`,
  );
  await postgres.sql(
    `ALTER PUBLICATION "${rows[0]?.name}" DROP TABLE rows; ALTER PUBLICATION "pulse_default.all" SET (publish = 'insert')`,
  );
  await pulse.start();
  assert.deepEqual((await postgres.sql(misplaced)).rows, []);
  const all = await postgres.sql(
    `SELECT pubinsert, pubupdate, pubtruncate FROM pg_publication WHERE pubname = 'pulse_default.all'`,
  );
  assert.deepEqual(all.rows, [{ pubinsert: true, pubupdate: false, pubtruncate: true }]);
  const before = await pulse.metric('pulse_events_captured_total');
  await postgres.sql('INSERT INTO rows VALUES (1); UPDATE rows SET a = 2');
  await until('both events', async () => (await pulse.metric('pulse_events_captured_total')) === before + 2);
});

scenario('a_schema_called_pulse_is_anybodys', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(
    'CREATE ROLE somebody; CREATE SCHEMA pulse AUTHORIZATION somebody; CREATE TABLE pulse.keyless (a int)',
  );
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--fix'] });
  await postgres.sql('INSERT INTO pulse.keyless VALUES (1); UPDATE pulse.keyless SET a = 2; DELETE FROM pulse.keyless');
  await until('its events', async () => (await pulse.metric('pulse_events_captured_total')) === 3);
  await pulse.terminate();
  const torn = await pulse.command(['teardown', '--yes', '--database', postgres.socketUrl()]);
  assert.equal(torn.code, 0, torn.output);
  assert.equal(
    (await postgres.sql("SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'pulse'::regnamespace")).rows[0]
      ?.n,
    1,
  );
});

scenario('making_the_slot_says_which_prepared_transaction_it_waits_for', async (s) => {
  const postgres = await s.postgres({ settings: { max_prepared_transactions: '5' } });
  await postgres.createDatabase('other');
  await postgres.sql('CREATE TABLE t (a int PRIMARY KEY)');
  const client = await postgres.connect('other');
  await client.query("CREATE TABLE t (a int); BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'forgotten'");
  await client.end();
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  pulse.launch();
  await until('it to be said', async () => /forgotten.*database other/.test((await pulse.capture()).problem));
  const health = await fetch(`${pulse.adminUrl}/capturez`);
  assert.equal(health.status, 503);
  assert.match(await health.text(), /forgotten/);
  await postgres.sql("ROLLBACK PREPARED 'forgotten'", 'other');
  await pulse.capturing();
});
