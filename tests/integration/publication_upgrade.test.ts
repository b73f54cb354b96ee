// From the one publication of earlier versions, which a slot is in use with, to those that replace it.
import assert from 'node:assert/strict';

import { defineModel } from '../harness/model.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int', text: 'String' });

// What earlier versions made as superuser.
const byRoot = postgresMajor < 13 ? '' : 'WITH (publish_via_partition_root = true)';
const oldObjects = `
  CREATE PUBLICATION pulse_default FOR ALL TABLES ${byRoot};
  CREATE SCHEMA pulse;
  CREATE FUNCTION pulse.identify_keyless_tables() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS 'BEGIN END';
  CREATE EVENT TRIGGER pulse_identify_keyless_tables ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
    EXECUTE FUNCTION pulse.identify_keyless_tables()`;

async function publications(postgres: Postgres): Promise<string[]> {
  const { rows } = await postgres.sql('SELECT pubname FROM pg_publication ORDER BY 1');
  return rows.map(({ pubname }) => pubname);
}

async function slot(postgres: Postgres): Promise<unknown> {
  const { rows } = await postgres.sql(
    'SELECT slot_name, plugin, restart_lsn IS NOT NULL AS there FROM pg_replication_slots',
  );
  return rows;
}

scenario('an_installation_of_the_old_kind_keeps_its_slot_its_cursors_and_its_ids', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE TABLE rows (id int PRIMARY KEY, text text);
    CREATE TABLE parts (id int PRIMARY KEY, text text) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100); ${oldObjects}`);
  // Streams by that publication alone, as earlier versions did.
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--publication', 'pulse_default'] });
  const before = await s.consumer(pulse, { model: row, name: 'reader', ack: 'none' });
  await postgres.sql("INSERT INTO rows VALUES (1, 'a'), (2, 'b')");
  await before.untilReceived(2);
  const ids = before.frames.map(({ id }) => id);
  await before.close();
  await pulse.terminate();
  // Meanwhile, so that the new publications are younger than what the slot has yet to send.
  await postgres.sql("INSERT INTO rows VALUES (3, 'c'); INSERT INTO parts VALUES (1, 'x')");
  const was = await slot(postgres);
  const open = await postgres.connect();
  await open.query("BEGIN; INSERT INTO rows VALUES (4, 'd')");

  await pulse.start({ args: [] });
  const reader = await s.consumer(pulse, { model: row, name: 'reader' });
  await reader.untilReceived(3);
  assert.deepEqual(
    reader.frames.slice(0, 2).map(({ id }) => id),
    ids,
  );
  // As long as a transaction is open that began before the new publications, the old one is streamed by.
  await postgres.sql("UPDATE rows SET text = 'z' WHERE id = 1");
  await reader.untilReceived(4);
  assert.ok((await publications(postgres)).includes('pulse_default'));
  await open.query('COMMIT');
  await open.end();
  await until(
    'the old publication to be dropped',
    async () => !(await publications(postgres)).includes('pulse_default'),
  );
  await postgres.sql("UPDATE rows SET text = 'y' WHERE id = 2; DELETE FROM rows WHERE id = 1");
  await reader.untilReceived(7);
  assert.deepEqual(
    reader.frames.map(({ action, created, after, deleted }) => [action, (created ?? after ?? deleted)?.['id']]),
    [
      ['create', 1],
      ['create', 2],
      ['create', 3],
      ['update', 1],
      ['create', 4],
      ['update', 2],
      ['delete', 1],
    ],
  );
  assert.deepEqual(await slot(postgres), was);
  assert.deepEqual(await pulse.gaps(), []);
  const { rows: left } = await postgres.sql(
    "SELECT 1 FROM pg_event_trigger WHERE evtname = 'pulse_identify_keyless_tables' UNION ALL SELECT 1 FROM pg_namespace WHERE nspname = 'pulse'",
  );
  assert.deepEqual(left, []);
  assert.equal((await publications(postgres)).length, postgresMajor < 13 ? 9 : 17);

  await pulse.terminate();
  await pulse.start({ args: [] });
  await postgres.sql("INSERT INTO rows VALUES (8, 'h')");
  const again = await s.consumer(pulse, { model: row, name: 'reader' });
  await again.untilReceived(1);
});

scenario('teardown_removes_what_the_old_kind_made_and_what_the_new_one_made', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE TABLE rows (id int PRIMARY KEY, text text); ${oldObjects}`);
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--publication', 'pulse_default'] });
  await pulse.terminate();
  // Ended in the middle of the upgrade: both kinds are there.
  const open = await postgres.connect();
  await open.query("BEGIN; INSERT INTO rows VALUES (4, 'd')");
  await pulse.start({ args: [] });
  assert.ok((await publications(postgres)).length > 1);
  await pulse.terminate();
  await open.end();
  const torn = await pulse.command(['teardown', '--yes', '--database', postgres.socketUrl()]);
  assert.equal(torn.code, 0, torn.output);
  const { rows } = await postgres.sql(`
    SELECT pubname FROM pg_publication UNION ALL SELECT evtname FROM pg_event_trigger
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pulse%'
    UNION ALL SELECT slot_name FROM pg_replication_slots`);
  assert.deepEqual(rows, []);
});

scenario('the_trigger_of_the_old_kind_stays_while_another_project_needs_it', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(
    `CREATE TABLE rows (id int PRIMARY KEY); ${oldObjects}; CREATE PUBLICATION pulse_other FOR ALL TABLES`,
  );
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await until(
    'the old publication to be dropped',
    async () => !(await publications(postgres)).includes('pulse_default'),
  );
  await pulse.terminate();
  const torn = await pulse.command(['teardown', '--yes', '--database', postgres.socketUrl()]);
  assert.equal(torn.code, 0, torn.output);
  const { rows } = await postgres.sql('SELECT evtname FROM pg_event_trigger');
  assert.deepEqual(rows, [{ evtname: 'pulse_identify_keyless_tables' }]);
});

scenario('publications_that_were_dropped_are_made_again_and_what_was_not_sent_meanwhile_is_a_gap', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, text text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const reader = await s.consumer(pulse, { model: row, name: 'reader' });
  await postgres.sql("INSERT INTO rows VALUES (1, 'a')");
  await reader.untilReceived(1);
  await pulse.terminate();
  await postgres.sql('DROP PUBLICATION "pulse_default.all"');
  await postgres.sql("INSERT INTO rows VALUES (2, 'b')");
  await pulse.start();
  const [gap, ...others] = await until('the gap', async () => {
    const gaps = await pulse.gaps();
    return gaps.length > 0 && gaps[0]?.through ? gaps : undefined;
  });
  assert.deepEqual(others, []);
  await pulse.acceptGap(gap?.id ?? 0);
  await until('capture to stream', async () => (await pulse.capture()).connected, { timeoutMs: 60_000 });
  const again = await s.consumer(pulse, { model: row, name: 'reader' });
  await postgres.sql("INSERT INTO rows VALUES (3, 'c')");
  await again.untilReceived(1);
  assert.deepEqual(
    again.frames.map(({ created }) => created?.['id']),
    [3],
  );
});

scenario('from_a_publication_of_ones_own_to_those_of_pulse_capture_goes_on_behind_a_gap', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, text text); CREATE PUBLICATION own FOR TABLE rows');
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--publication', 'own'] });
  await pulse.terminate();
  await postgres.sql("INSERT INTO rows VALUES (2, 'b')");
  await pulse.start({ args: [] });
  await until('an event', async () => {
    await postgres.sql("INSERT INTO rows SELECT max(id) + 1, 'c' FROM rows");
    return (await pulse.metric('pulse_events_captured_total')) > 0;
  });
});
