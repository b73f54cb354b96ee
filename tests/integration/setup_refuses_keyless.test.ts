// A table without a replica identity, once published, fails every UPDATE and DELETE. Setup finds such tables first.
import assert from 'node:assert/strict';

import { defineModel } from '../harness/model.js';
import { defaultSlot } from '../harness/oracle.js';
import type { Postgres } from '../harness/postgres.js';
import { scenario } from '../harness/scenario.js';
import { until, within } from '../harness/wait.js';

// The join table that Prisma made before version 6: a unique index and no key.
const joinTable = (name: string): string => `
  CREATE TABLE "${name}" ("A" int NOT NULL, "B" int NOT NULL);
  CREATE UNIQUE INDEX "${name}_AB_unique" ON "${name}" ("A", "B");
  CREATE INDEX "${name}_B_index" ON "${name}" ("B");`;
const keyed = 'CREATE TABLE rows (id int PRIMARY KEY, text text);';
const showsSql = /ALTER TABLE\s+\S*"?_TagToWriter"?\s+REPLICA IDENTITY (FULL|USING INDEX)/i;
const joinModel = (name: string): ReturnType<typeof defineModel> => defineModel(name, name, { A: 'Int', B: 'Int' });

async function deleteWorks(postgres: Postgres, table: string): Promise<void> {
  await postgres.sql(
    `INSERT INTO "${table}" VALUES (1, 2), (3, 4); UPDATE "${table}" SET "B" = 5 WHERE "A" = 3; DELETE FROM "${table}" WHERE "A" = 1`,
  );
}

async function leftovers(postgres: Postgres): Promise<Record<string, string>> {
  const { rows } = await postgres.sql(`SELECT
    (SELECT count(*) FROM pg_replication_slots) AS slots,
    (SELECT count(*) FROM pg_publication) AS publications,
    (SELECT count(*) FROM pg_event_trigger) AS triggers,
    (SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%pulse%') AS schemas,
    (SELECT count(*) FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
      WHERE proname LIKE '%pulse%' OR nspname LIKE '%pulse%') AS functions`);
  return rows[0] as Record<string, string>;
}
const nothing = { slots: '0', publications: '0', triggers: '0', schemas: '0', functions: '0' };

scenario('serve_stops_and_shows_the_sql_and_the_applications_deletes_go_on', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(keyed + joinTable('_TagToWriter'));
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  const program = pulse.launch();
  const { code } = await within('serve to stop', 30_000, program.ended);
  assert.notEqual(code, 0);
  assert.match(program.output, showsSql);
  assert.match(program.output, /--fix/);
  await deleteWorks(postgres, '_TagToWriter');
  assert.equal((await leftovers(postgres))['publications'], '0');
});

// Two connections of one program may do it too: one puts a publication right, the other sets up.
scenario('what_somebody_else_makes_at_the_same_moment_is_tried_again_and_ends_nothing', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`${keyed} CREATE FUNCTION too_late() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'publication already exists' USING ERRCODE = 'duplicate_object'; END $$;
    CREATE EVENT TRIGGER too_late ON ddl_command_start WHEN TAG IN ('CREATE PUBLICATION') EXECUTE FUNCTION too_late()`);
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  pulse.launch();
  await until('setup to fail', async () => /already exists/.test((await pulse.capture()).problem));
  await postgres.sql('DROP EVENT TRIGGER too_late');
  await until('capture to stream', async () => (await pulse.capture()).connected);
});

scenario('doctor_shows_the_sql_that_then_satisfies_it', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(keyed + joinTable('_TagToWriter'));
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  const sick = await pulse.command(['doctor', '--database', postgres.socketUrl()]);
  assert.equal(sick.code, 1, sick.output);
  const sql = showsSql.exec(sick.output);
  assert.ok(sql, sick.output);
  const statement = /ALTER TABLE[^;\n]*_TagToWriter[^;\n]*/i.exec(sick.output)?.[0] ?? '';
  await postgres.sql(statement);
  const well = await pulse.command(['doctor', '--database', postgres.socketUrl()]);
  assert.equal(well.code, 0, well.output);
});

scenario('doctor_fix_mends_it', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(keyed + joinTable('_TagToWriter'));
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  const fixed = await pulse.command(['doctor', '--fix', '--database', postgres.socketUrl()]);
  assert.equal(fixed.code, 0, fixed.output);
  await pulse.start();
  await deleteWorks(postgres, '_TagToWriter');
});

scenario('fix_mends_tables_made_before_and_the_trigger_those_made_later', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(keyed + joinTable('_TagToWriter'));
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--fix'] });
  const before = await s.consumer(pulse, { model: joinModel('_TagToWriter'), name: 'before' });
  await deleteWorks(postgres, '_TagToWriter');
  await before.untilReceived(4);
  assert.deepEqual(
    before.frames.map((frame) => frame.action),
    ['create', 'create', 'update', 'delete'],
  );
  assert.deepEqual(before.frames[3]?.deleted, { A: 1, B: 2 });

  // In the same transaction as the table itself: no instant without an identity.
  await postgres.sql(`BEGIN; ${joinTable('_LaterToWriter')} COMMIT`);
  const later = await s.consumer(pulse, { model: joinModel('_LaterToWriter'), name: 'later' });
  await deleteWorks(postgres, '_LaterToWriter');
  await later.untilReceived(4);
  assert.deepEqual(later.frames[3]?.deleted, { A: 1, B: 2 });

  // A key that is dropped leaves the table keyless.
  await postgres.sql(
    "ALTER TABLE rows DROP CONSTRAINT rows_pkey; INSERT INTO rows VALUES (1, 'one'); DELETE FROM rows",
  );
});

scenario('an_application_role_without_rights_makes_keyless_tables_and_its_writes_succeed', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`${keyed} CREATE ROLE app LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO app`);
  await s.pulse({ database: postgres.socketUrl() });
  const client = await postgres.connect('postgres', 'app');
  try {
    await client.query(
      'CREATE TABLE plain (a int); INSERT INTO plain VALUES (1); UPDATE plain SET a = 2; DELETE FROM plain',
    );
    await client.query('CREATE TABLE copied AS SELECT 1 AS a');
    await client.query('DELETE FROM copied');
    await client.query(
      'CREATE TEMP TABLE short_lived (a int); INSERT INTO short_lived VALUES (1); DELETE FROM short_lived',
    );
    await client.query('CREATE UNLOGGED TABLE unlogged (a int); INSERT INTO unlogged VALUES (1); DELETE FROM unlogged');
  } finally {
    await client.end();
  }
});

scenario('teardown_leaves_nothing', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(keyed + joinTable('_TagToWriter'));
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--fix'] });
  const { rows } = await postgres.sql('SELECT slot_name FROM pg_replication_slots');
  assert.deepEqual(rows, [{ slot_name: defaultSlot }]);
  assert.notDeepEqual(await leftovers(postgres), nothing);
  await pulse.terminate();
  for (let time = 1; time <= 2; time++) {
    const torn = await pulse.command(['teardown', '--yes', '--database', postgres.socketUrl()]);
    assert.equal(torn.code, 0, torn.output);
    assert.deepEqual(await leftovers(postgres), nothing);
  }
});
