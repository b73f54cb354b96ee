// Changes that PostgreSQL does not send for a while, since a table could be in no list or is unlogged: a gap of the table
// tells, from the statement that began it to where it is sent again.
import assert from 'node:assert/strict';

import type pg from 'pg';

import { type Consumer, Refused, rowOf } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Gap, Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int' });
const ids = (consumer: Consumer): unknown[] => consumer.frames.map((frame) => rowOf(frame).id);

async function readOne(s: Scenario, postgres: Postgres, pulse: Pulse, model = row, table = 'rows'): Promise<void> {
  const reader = await s.consumer(pulse, { model, name: 'reader' });
  await postgres.sql(`INSERT INTO ${table} VALUES (1)`);
  await reader.untilReceived(1);
  await reader.ping();
  await reader.close();
}

async function holdAllLists(s: Scenario, postgres: Postgres): Promise<() => Promise<void>> {
  const holders: pg.Client[] = [];
  for (let one = 0; one < 8; one++) {
    const client = await postgres.connect();
    s.atEnd(() => client.end());
    await client.query(`BEGIN; CREATE TABLE holder_${one} (id int PRIMARY KEY);
                        CREATE TABLE holders_${one} (id int PRIMARY KEY) PARTITION BY RANGE (id)`);
    holders.push(client);
  }
  return async () => {
    for (const client of holders) await client.query('COMMIT');
  };
}

async function barred(s: Scenario, pulse: Pulse, model = row): Promise<Gap> {
  let gap: Gap | undefined;
  await until('the stream to be refused', async () => {
    try {
      await (await s.consumer(pulse, { model, name: 'reader' })).close();
    } catch (why) {
      assert.ok(why instanceof Refused, String(why));
      if (why.status !== 409) throw why;
      gap = (why.json().details as { gap: Gap }).gap;
      return true;
    }
    return false;
  });
  assert.equal(gap?.kind, 'unpublished');
  return gap as Gap;
}

const ended = (pulse: Pulse, gap: Gap): Promise<unknown> =>
  until('the gap to end', async () =>
    (await pulse.gaps()).find(({ id, through }) => id === gap.id && through !== null),
  );

scenario(
  'a_table_that_no_list_had_room_for_is_a_gap_from_its_making_until_it_is_listed',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    await readOne(s, postgres, pulse);
    const release = await holdAllLists(s, postgres);
    await postgres.sql('DROP TABLE rows; CREATE TABLE rows (id int PRIMARY KEY)');
    await postgres.sql('INSERT INTO rows VALUES (2); UPDATE rows SET id = 3; DELETE FROM rows');
    const gap = await barred(s, pulse);
    assert.equal(gap.through, null);
    assert.match(gap.reason, /public\.rows/);
    // Found again at the next start.
    await pulse.kill();
    await pulse.start();
    assert.equal((await barred(s, pulse)).id, gap.id);
    await release();
    await ended(pulse, gap);
    await postgres.sql('INSERT INTO rows VALUES (4); UPDATE rows SET id = 5');
    await pulse.acceptGap(gap.id);
    const reader = await s.consumer(pulse, { model: row, name: 'reader' });
    await reader.untilReceived(2);
    assert.deepEqual(ids(reader).slice(-2), [4, 5]);
  },
  { from: 15 },
);

scenario(
  'a_partitioned_table_that_no_list_had_room_for_is_a_gap_too',
  async (s) => {
    const postgres = await s.postgres();
    const parts = `CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parts DEFAULT`;
    await postgres.sql(parts);
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const model = defineModel('Parts', 'parts', { id: 'Int' });
    await readOne(s, postgres, pulse, model, 'parts');
    const release = await holdAllLists(s, postgres);
    await postgres.sql(`DROP TABLE parts; ${parts}; INSERT INTO parts VALUES (2)`);
    await until('a gap', async () => (await pulse.gaps()).length !== 0);
    await release();
    const gap = (await pulse.gaps())[0] as Gap;
    await ended(pulse, gap);
    await barred(s, pulse, model);
  },
  { from: 15 },
);

scenario(
  'a_table_that_is_unlogged_for_a_while_is_a_gap',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY); ALTER TABLE rows REPLICA IDENTITY NOTHING');
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    await readOne(s, postgres, pulse);
    // In no list, so that it can be set so.
    await postgres.sql('ALTER TABLE rows SET UNLOGGED');
    await postgres.sql('INSERT INTO rows VALUES (2)');
    await postgres.sql('ALTER TABLE rows SET LOGGED');
    const gap = await barred(s, pulse);
    assert.match(gap.reason, /public\.rows .*unlogged/);
    await ended(pulse, gap);
    await postgres.sql('INSERT INTO rows VALUES (3)');
    await pulse.acceptGap(gap.id);
    const reader = await s.consumer(pulse, { model: row, name: 'reader' });
    await reader.untilReceived(1);
    assert.deepEqual(ids(reader), [3]);
  },
  { from: 14 },
);

scenario('a_listed_table_that_is_taken_out_and_unlogged_for_a_while_is_a_gap', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await readOne(s, postgres, pulse);
  const { rows } = await postgres.sql(
    `SELECT p.pubname AS name FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = 'rows'::regclass`,
  );
  await postgres.sql(`ALTER PUBLICATION "${rows[0]?.name}" DROP TABLE rows; ALTER TABLE rows SET UNLOGGED`);
  await postgres.sql('INSERT INTO rows VALUES (2)');
  await until('a gap', async () => (await pulse.gaps()).length !== 0);
  await postgres.sql('ALTER TABLE rows SET LOGGED');
  for (const { id } of await pulse.gaps())
    await until('the gap to end', async () =>
      (await pulse.gaps()).find((gap) => gap.id === id && gap.through !== null),
    );
  await barred(s, pulse);
});

scenario('a_message_of_others_that_something_was_not_sent_is_no_gap', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE ROLE neighbour LOGIN; CREATE TABLE rows (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await readOne(s, postgres, pulse);
  const neighbour = await postgres.connect('postgres', 'neighbour');
  s.atEnd(() => neighbour.end());
  const { rows: known } = await neighbour.query<{ oid: number }>("SELECT 'rows'::regclass::oid::int AS oid");
  await assert.rejects(neighbour.query('SELECT last_value FROM "pulse_default.ddl".token'), /permission denied/);
  const { rows: listed } = await neighbour.query(
    "SELECT last_value FROM pg_sequences WHERE sequencename = 'token' AND last_value IS NOT NULL",
  );
  assert.deepEqual(listed, []);
  for (const said of [`!${known[0]?.oid}`, `#1 !${known[0]?.oid}`, '# !4294967295', '!4294967295'])
    await neighbour.query("SELECT pg_logical_emit_message(true, 'pulse.ddl', $1)", [said]);
  const reader = await s.consumer(pulse, { model: row, name: 'reader' });
  await postgres.sql('INSERT INTO rows VALUES (2)');
  await reader.untilReceived(1);
  assert.deepEqual(await pulse.gaps(), []);
});

// Before, messages do not come with the changes.
if (postgresMajor >= 14) {
  scenario('a_token_that_others_can_read_or_that_is_gone_is_made_anew', async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`CREATE ROLE neighbour LOGIN; CREATE TABLE rows (id int PRIMARY KEY);
      ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO neighbour`);
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const readable = async (): Promise<unknown> => {
      const { rows } = await postgres.sql(
        `SELECT has_sequence_privilege('neighbour', '"pulse_default.ddl".token', 'SELECT,USAGE') AS may`,
      );
      return (rows[0] as { may: boolean }).may;
    };
    const again = async (change: string): Promise<void> => {
      await pulse.kill();
      await postgres.sql(change);
      await pulse.start();
      assert.equal(await readable(), false);
    };
    assert.equal(await readable(), false);
    await again('GRANT SELECT ON SEQUENCE "pulse_default.ddl".token TO neighbour');
    await again('DROP SEQUENCE "pulse_default.ddl".token');
    await readOne(s, postgres, pulse);
    const release = await holdAllLists(s, postgres);
    await postgres.sql('DROP TABLE rows; CREATE TABLE rows (id int PRIMARY KEY)');
    const gap = await barred(s, pulse);
    await release();
    await ended(pulse, gap);
  });
}
