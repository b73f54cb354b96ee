// Tables are renamed, swapped, moved and replaced, while the server runs and while it is down: a named stream goes on
// where it was.
import assert from 'node:assert/strict';

import { type Consumer, Refused, rowOf } from '../harness/consumer.js';
import { defineModel, type Model } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { changeState } from '../harness/state.js';
import { until } from '../harness/wait.js';

const model = (table: string, schema?: string): Model => defineModel(table, table, { id: 'Int' }, schema);
const ids = (consumer: Consumer): unknown[] => consumer.frames.map((frame) => rowOf(frame).id);

async function start(s: Scenario, tables: string): Promise<{ postgres: Postgres; pulse: Pulse }> {
  const postgres = await s.postgres();
  await postgres.sql(tables);
  return { postgres, pulse: await s.pulse({ database: postgres.socketUrl() }) };
}

// The stream is left behind with one event acknowledged and one not.
async function readOne(s: Scenario, pulse: Pulse, postgres: Postgres, table: string, first: number): Promise<void> {
  const consumer = await s.consumer(pulse, { model: model(table), name: 'reader', ack: 'manual' });
  await postgres.sql(`INSERT INTO ${table} VALUES (${first}), (${first + 1})`);
  await consumer.untilReceived(2);
  consumer.acknowledge(consumer.frames[0]?.id ?? '');
  // In order on one connection: when the pong is here the acknowledgement has been taken.
  await consumer.ping();
  await consumer.close();
}

scenario('a_named_stream_follows_a_table_renamed_while_the_server_runs', async (s) => {
  const { postgres, pulse } = await start(s, 'CREATE TABLE emails (id int PRIMARY KEY)');
  await readOne(s, pulse, postgres, 'emails', 1);
  await postgres.sql('INSERT INTO emails VALUES (3)');
  await postgres.sql('ALTER TABLE emails RENAME TO letters; INSERT INTO letters VALUES (4)');
  const consumer = await s.consumer(pulse, { model: model('letters'), name: 'reader' });
  await consumer.untilReceived(3);
  assert.deepEqual(ids(consumer), [2, 3, 4]);
  const old = await s.consumer(pulse, { model: model('emails'), name: 'reader' }).catch((reason: unknown) => reason);
  assert.ok(old instanceof Refused);
  assert.equal(old.status, 404);

  // Another schema is another name.
  await consumer.close();
  await postgres.sql('CREATE SCHEMA post; ALTER TABLE letters SET SCHEMA post; INSERT INTO post.letters VALUES (5)');
  const moved = await s.consumer(pulse, { model: model('letters', 'post'), name: 'reader' });
  await moved.untilReceived(1);
  assert.deepEqual(ids(moved), [5]);
});

scenario('a_rename_that_the_state_store_refuses_for_a_while_is_not_lost', async (s) => {
  const { postgres, pulse } = await start(s, 'CREATE TABLE emails (id int PRIMARY KEY)');
  await readOne(s, pulse, postgres, 'emails', 1);
  changeState(pulse, "CREATE TRIGGER refuses BEFORE UPDATE ON catalogs BEGIN SELECT RAISE(ABORT, 'full'); END");
  await postgres.sql('ALTER TABLE emails RENAME TO letters; INSERT INTO letters VALUES (3)');
  await until('it is refused', () => /catalog not stored/.test(pulse.process.output));
  changeState(pulse, 'DROP TRIGGER refuses');
  // The next catalog is stored, and says nothing of the rename.
  await postgres.sql('CREATE TABLE another (id int PRIMARY KEY); INSERT INTO another VALUES (1)');
  await s.consumer(pulse, { model: model('another'), name: 'reader', reconnect: true });
  await pulse.kill();
  await pulse.start();
  const consumer = await s.consumer(pulse, { model: model('letters'), name: 'reader' });
  await consumer.untilReceived(2);
  assert.deepEqual(ids(consumer), [2, 3]);
});

scenario('named_streams_follow_tables_that_swap_their_names_while_the_server_runs', async (s) => {
  const { postgres, pulse } = await start(
    s,
    'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)',
  );
  await readOne(s, pulse, postgres, 'a', 1);
  await readOne(s, pulse, postgres, 'b', 101);
  await postgres.sql('BEGIN; ALTER TABLE a RENAME TO t; ALTER TABLE b RENAME TO a; ALTER TABLE t RENAME TO b; COMMIT');
  await postgres.sql('INSERT INTO a VALUES (103); INSERT INTO b VALUES (3)');
  const b = await s.consumer(pulse, { model: model('b'), name: 'reader' });
  const a = await s.consumer(pulse, { model: model('a'), name: 'reader' });
  await b.untilReceived(2);
  await a.untilReceived(2);
  assert.deepEqual(ids(b), [2, 3]);
  assert.deepEqual(ids(a), [102, 103]);
});

scenario('named_streams_follow_tables_renamed_and_swapped_while_the_server_is_down', async (s) => {
  const { postgres, pulse } = await start(
    s,
    'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)',
  );
  await readOne(s, pulse, postgres, 'a', 1);
  await readOne(s, pulse, postgres, 'b', 101);
  await readOne(s, pulse, postgres, 'c', 201);
  await pulse.terminate();
  await postgres.sql('INSERT INTO a VALUES (3); INSERT INTO b VALUES (103); INSERT INTO c VALUES (203)');
  await postgres.sql('BEGIN; ALTER TABLE a RENAME TO t; ALTER TABLE b RENAME TO a; ALTER TABLE t RENAME TO b; COMMIT');
  await postgres.sql('ALTER TABLE c RENAME TO d; CREATE TABLE c (id int PRIMARY KEY)');
  await postgres.sql(
    'INSERT INTO a VALUES (104); INSERT INTO b VALUES (4); INSERT INTO c VALUES (301); INSERT INTO d VALUES (204)',
  );
  await pulse.start();
  const expected: [string, number[]][] = [
    ['b', [2, 3, 4]],
    ['a', [102, 103, 104]],
    ['d', [202, 203, 204]],
    // A new table under an old name: whoever reads on under that name misses nothing of it.
    ['c', [301]],
  ];
  for (const [table, rows] of expected) {
    const consumer = await s.consumer(pulse, { model: model(table), name: 'reader' });
    await consumer.untilReceived(rows.length);
    assert.deepEqual(ids(consumer), rows, table);
  }
});

scenario('a_named_stream_goes_on_with_a_table_dropped_and_made_again_or_put_in_its_place', async (s) => {
  const { postgres, pulse } = await start(
    s,
    'CREATE TABLE emails (id int PRIMARY KEY); CREATE TABLE jobs (id int PRIMARY KEY)',
  );
  await readOne(s, pulse, postgres, 'emails', 1);
  await readOne(s, pulse, postgres, 'jobs', 1);
  await postgres.sql('DROP TABLE emails; CREATE TABLE emails (id int PRIMARY KEY); INSERT INTO emails VALUES (3)');
  await postgres.sql('CREATE TABLE jobs_new (id int PRIMARY KEY, extra int)');
  await postgres.sql('BEGIN; DROP TABLE jobs; ALTER TABLE jobs_new RENAME TO jobs; COMMIT');
  await postgres.sql('INSERT INTO jobs VALUES (3)');
  for (const table of ['emails', 'jobs']) {
    const consumer = await s.consumer(pulse, { model: model(table), name: 'reader' });
    await consumer.untilReceived(2);
    assert.deepEqual(ids(consumer), [2, 3], table);
  }
});

scenario('an_open_stream_goes_on_when_its_table_is_renamed', async (s) => {
  const { postgres, pulse } = await start(s, 'CREATE TABLE emails (id int PRIMARY KEY)');
  const consumer = await s.consumer(pulse, { model: model('emails'), name: 'reader' });
  await postgres.sql('INSERT INTO emails VALUES (1)');
  await postgres.sql('ALTER TABLE emails RENAME TO letters; INSERT INTO letters VALUES (2)');
  await consumer.untilReceived(2);
  assert.deepEqual(ids(consumer), [1, 2]);
  await consumer.close();
  await postgres.sql('INSERT INTO letters VALUES (3)');
  const next = await s.consumer(pulse, { model: model('letters'), name: 'reader' });
  await next.untilReceived(1);
  assert.deepEqual(ids(next), [3]);
});

// Of a partitioned table PostgreSQL tells the new name late: with the next definition of one of its partitions, or to the
// next connection. Streams go by which table it is and miss nothing meanwhile.
scenario(
  'streams_of_a_partitioned_table_go_on_when_it_is_renamed',
  async (s) => {
    const { postgres, pulse } = await start(
      s,
      `CREATE TABLE emails (id int PRIMARY KEY) PARTITION BY RANGE (id);
     CREATE TABLE emails_1 PARTITION OF emails FOR VALUES FROM (0) TO (100)`,
    );
    const open = await s.consumer(pulse, { model: model('emails') });
    await readOne(s, pulse, postgres, 'emails', 1);
    await postgres.sql('ALTER TABLE emails RENAME TO letters; INSERT INTO letters VALUES (3)');
    await open.untilReceived(3);
    assert.deepEqual(ids(open), [1, 2, 3]);
    const named = await s.consumer(pulse, { model: model('letters'), name: 'reader' });
    await named.untilReceived(2);
    assert.deepEqual(ids(named), [2, 3]);
    const fresh = await s.consumer(pulse, { model: model('letters') });
    await postgres.sql('INSERT INTO letters VALUES (4)');
    await postgres.sql('ALTER TABLE letters ADD extra int; INSERT INTO letters VALUES (5)');
    for (const [consumer, rows] of [
      [open, [1, 2, 3, 4, 5]],
      [named, [2, 3, 4, 5]],
      [fresh, [4, 5]],
    ] as const) {
      await consumer.untilReceived(rows.length);
      assert.deepEqual(ids(consumer), rows);
    }
  },
  { from: 13 },
);
