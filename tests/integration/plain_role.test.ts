// A role that is no superuser publishes the tables that it owns, and looks for others once a second.
import assert from 'node:assert/strict';

import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const captured = (pulse: Pulse): Promise<number> => pulse.metric('pulse_events_captured_total');
const untilCaptured = (pulse: Pulse, count: number): Promise<unknown> =>
  until(`${count} events`, async () => {
    const now = await captured(pulse);
    assert.ok(now <= count, `${now} events instead of ${count}`);
    return now === count;
  });

async function listed(postgres: Postgres, table: string): Promise<string[]> {
  const { rows } = await postgres.sql(`
    SELECT regexp_replace(p.pubname, '[0-9]$', '') AS name FROM pg_publication_rel r
    JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = '${table}'::regclass ORDER BY 1`);
  return rows.map(({ name }) => name);
}
const untilListed = (postgres: Postgres, table: string, names: string[]): Promise<unknown> =>
  until(`${table} to be in ${names.join(', ')}`, async () => (await listed(postgres, table)).join() === names.join());

async function start(s: Scenario, tables: string, ...args: string[]): Promise<[Postgres, Pulse]> {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE ROLE pulse LOGIN REPLICATION; GRANT CREATE ON DATABASE postgres TO pulse;
    GRANT ALL ON SCHEMA public TO pulse; CREATE TABLE of_others (a int PRIMARY KEY); SET ROLE pulse; ${tables}`);
  const pulse = await s.pulse({ database: postgres.url('postgres', 'pulse'), args });
  return [postgres, pulse];
}

scenario('a_plain_role_publishes_its_own_tables_and_those_that_it_makes_later', async (s) => {
  const [postgres, pulse] = await start(s, 'CREATE TABLE rows (a int PRIMARY KEY, b int)');
  assert.deepEqual(await listed(postgres, 'of_others'), []);
  assert.deepEqual(await listed(postgres, 'rows'), ['pulse_default.all', 'pulse_default.rows']);
  await postgres.sql(
    'INSERT INTO rows VALUES (1, 1); UPDATE rows SET b = 2; DELETE FROM rows; INSERT INTO of_others VALUES (1)',
  );
  await untilCaptured(pulse, 3);
  await postgres.sql('SET ROLE pulse; CREATE TABLE later (a int PRIMARY KEY, b int)');
  await untilListed(postgres, 'later', ['pulse_default.all', 'pulse_default.rows']);
  await postgres.sql('INSERT INTO later VALUES (1, 1); UPDATE later SET b = 2');
  await untilCaptured(pulse, 5);
  // Made again under the same name.
  await postgres.sql('SET ROLE pulse; DROP TABLE rows; CREATE TABLE rows (a int PRIMARY KEY, b int)');
  await untilListed(postgres, 'rows', ['pulse_default.all', 'pulse_default.rows']);
  await postgres.sql('INSERT INTO rows VALUES (1, 1); UPDATE rows SET b = 2');
  await untilCaptured(pulse, 7);
  const { rows } = await postgres.sql(
    "SELECT 1 FROM pg_event_trigger UNION ALL SELECT 1 FROM pg_namespace WHERE nspname LIKE 'pulse%'",
  );
  assert.deepEqual(rows, []);
});

scenario('without_triggers_a_table_that_loses_its_identity_is_taken_out_within_a_second_or_so', async (s) => {
  const [postgres, pulse] = await start(s, 'CREATE TABLE rows (a int PRIMARY KEY, b int)');
  await postgres.sql('ALTER TABLE rows DROP CONSTRAINT rows_pkey');
  await untilListed(postgres, 'rows', ['pulse_default.all']);
  await postgres.sql('INSERT INTO rows VALUES (1, 1); UPDATE rows SET b = 2; DELETE FROM rows');
  await untilCaptured(pulse, 1);
  assert.match((await pulse.capture()).problem, /INSERTs and TRUNCATEs only: "public"\."rows"/);
  await postgres.sql('ALTER TABLE rows ADD PRIMARY KEY (a)');
  await untilListed(postgres, 'rows', ['pulse_default.all', 'pulse_default.rows']);
  await postgres.sql('INSERT INTO rows VALUES (1, 1); UPDATE rows SET b = 2; DELETE FROM rows');
  await untilCaptured(pulse, 4);
});

scenario(
  'partitions_of_a_plain_role_come_as_their_root',
  async (s) => {
    const [postgres, pulse] = await start(
      s,
      'CREATE TABLE parts (a int PRIMARY KEY, b int) PARTITION BY RANGE (a); CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10)',
    );
    assert.deepEqual(await listed(postgres, 'parts'), ['pulse_default.roots']);
    await postgres.sql('INSERT INTO parts VALUES (1, 1); UPDATE parts SET b = 2');
    await untilCaptured(pulse, 2);
    await postgres.sql(
      'SET ROLE pulse; CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (10) TO (20); INSERT INTO parts VALUES (11, 1)',
    );
    await untilCaptured(pulse, 3);
  },
  { from: 13 },
);

scenario('a_lock_on_a_new_table_does_not_hold_up_a_plain_roles_capture', async (s) => {
  const [postgres, pulse] = await start(s, 'CREATE TABLE rows (a int PRIMARY KEY, b int)');
  const holder = await postgres.connect();
  s.atEnd(() => holder.end());
  // What VACUUM and CREATE INDEX CONCURRENTLY hold.
  await holder.query('CREATE TABLE busy (a int PRIMARY KEY); ALTER TABLE busy OWNER TO pulse');
  await holder.query('BEGIN; LOCK TABLE busy IN SHARE UPDATE EXCLUSIVE MODE');
  await postgres.sql('SET ROLE pulse; CREATE TABLE later (a int PRIMARY KEY)');
  await untilListed(postgres, 'later', ['pulse_default.all', 'pulse_default.rows']);
  await postgres.sql('INSERT INTO rows VALUES (1, 1); INSERT INTO later VALUES (1)');
  await untilCaptured(pulse, 2);
  await pulse.terminate();
  await pulse.start();
  await postgres.sql('INSERT INTO rows VALUES (2, 1)');
  await until('a third event', async () => (await captured(pulse)) >= 1);
  assert.deepEqual(await listed(postgres, 'busy'), []);
  await holder.query('COMMIT');
  await untilListed(postgres, 'busy', ['pulse_default.all', 'pulse_default.rows']);
});

scenario('a_keyless_table_of_a_plain_role_stops_only_the_first_publishing', async (s) => {
  const [postgres, pulse] = await start(s, 'CREATE TABLE rows (a int PRIMARY KEY, b int)');
  await pulse.terminate();
  await postgres.sql('SET ROLE pulse; CREATE TABLE keyless (a int)');
  await pulse.start();
  await untilListed(postgres, 'keyless', ['pulse_default.all']);
  await postgres.sql('INSERT INTO keyless VALUES (1); UPDATE keyless SET a = 2; DELETE FROM keyless');
  await untilCaptured(pulse, 1);
  await pulse.terminate();
  await pulse.start({ args: ['--fix'] });
  await untilListed(postgres, 'keyless', ['pulse_default.all', 'pulse_default.rows']);
});
