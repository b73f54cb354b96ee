// Tables are made, altered, renamed and dropped while the server runs and streams are open.
import assert from 'node:assert/strict';

import { type Consumer, Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const created = (consumer: Consumer): unknown[] =>
  consumer.frames.map((frame) => frame.created ?? frame.after ?? frame.deleted);

scenario('a_table_made_later_is_streamed', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const model = defineModel('Late', 'late', { id: 'Int', text: 'String' });
  const refused = await s.consumer(pulse, { model, name: 'reader' }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(refused instanceof Refused);
  assert.equal(refused.status, 404);

  await postgres.sql('CREATE TABLE late (id int PRIMARY KEY, text text)');
  const consumer = await s.consumer(pulse, { model, name: 'reader' });
  await postgres.sql("INSERT INTO late VALUES (1, 'one')");
  await consumer.untilReceived(1);
  assert.deepEqual(created(consumer), [{ id: 1, text: 'one' }]);
});

scenario('columns_are_added_dropped_and_changed_under_an_open_stream', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE shapes (id int PRIMARY KEY, a text, b text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const old = await s.consumer(pulse, {
    model: defineModel('Shape', 'shapes', { id: 'Int', a: 'String', b: 'String' }),
    name: 'old',
  });
  await postgres.sql("INSERT INTO shapes VALUES (1, 'a1', 'b1')");
  // In one transaction: rows of two shapes.
  await postgres.sql(
    "BEGIN; INSERT INTO shapes VALUES (2, 'a2', 'b2'); ALTER TABLE shapes ADD c int DEFAULT 7; INSERT INTO shapes VALUES (3, 'a3', 'b3', 8); COMMIT",
  );
  await old.untilReceived(3);
  const model = defineModel('Shape', 'shapes', { id: 'Int', a: 'String', c: 'Int' });
  const young = await s.consumer(pulse, { model, name: 'young' });
  await postgres.sql("ALTER TABLE shapes DROP b; INSERT INTO shapes VALUES (4, 'a4', 9)");
  await postgres.sql("ALTER TABLE shapes ALTER c TYPE bigint; INSERT INTO shapes VALUES (5, 'a5', 9007199254740993)");
  await postgres.sql("ALTER TABLE shapes RENAME a TO aa; INSERT INTO shapes VALUES (6, 'a6', 1)");
  await old.untilReceived(6);
  assert.deepEqual(created(old).slice(0, 3), [
    { id: 1, a: 'a1', b: 'b1' },
    { id: 2, a: 'a2', b: 'b2' },
    { id: 3, a: 'a3', b: 'b3' },
  ]);
  await young.untilReceived(3);
  // Types come from PostgreSQL: the column is a bigint now, whatever the model says.
  assert.deepEqual(created(young).slice(0, 2), [
    { id: 4, a: 'a4', c: 9 },
    { id: 5, a: 'a5', c: { $type: 'BigInt', value: '9007199254740993' } },
  ]);
  const renamed = defineModel('Shape', 'shapes', { id: 'Int', a: 'String @aa', c: 'BigInt' });
  const newest = await s.consumer(pulse, { model: renamed, name: 'newest' });
  await postgres.sql("INSERT INTO shapes VALUES (7, 'a7', 2)");
  await newest.untilReceived(1);
  assert.deepEqual(created(newest), [{ id: 7, a: 'a7', c: { $type: 'BigInt', value: '2' } }]);
});

scenario('a_table_dropped_and_made_again_is_followed_and_the_others_go_on', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE doomed (id int PRIMARY KEY, text text); CREATE TABLE other (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const consumer = await s.consumer(pulse, {
    model: defineModel('Doomed', 'doomed', { id: 'Int', text: 'String' }),
    name: 'reader',
  });
  const other = await s.consumer(pulse, { model: defineModel('Other', 'other', { id: 'Int' }), name: 'reader' });
  await postgres.sql("INSERT INTO doomed VALUES (1, 'first life'); DROP TABLE doomed; INSERT INTO other VALUES (1)");
  await postgres.sql(
    "CREATE TABLE doomed (text text, id int PRIMARY KEY); INSERT INTO doomed VALUES ('second life', 2); INSERT INTO other VALUES (2)",
  );
  await consumer.untilReceived(2);
  await other.untilReceived(2);
  assert.deepEqual(created(consumer), [
    { id: 1, text: 'first life' },
    { id: 2, text: 'second life' },
  ]);
});

scenario('types_made_later_are_known_when_their_values_come', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await postgres.sql(`
    CREATE TYPE mood AS ENUM ('calm', 'wild');
    CREATE DOMAIN positive AS bigint CHECK (VALUE > 0);
    CREATE TABLE moods (id int PRIMARY KEY, mood mood, moods mood[], amount positive);`);
  const model = defineModel('Mood', 'moods', { id: 'Int', mood: 'Mood', moods: 'Mood[]', amount: 'BigInt' });
  const consumer = await s.consumer(pulse, { model, name: 'reader' });
  await postgres.sql("INSERT INTO moods VALUES (1, 'calm', '{wild,calm}', 5)");
  await postgres.sql("ALTER TYPE mood ADD VALUE 'sad'");
  await postgres.sql("INSERT INTO moods VALUES (2, 'sad', '{}', 6)");
  await consumer.untilReceived(2);
  assert.deepEqual(created(consumer), [
    { id: 1, mood: 'calm', moods: ['wild', 'calm'], amount: { $type: 'BigInt', value: '5' } },
    { id: 2, mood: 'sad', moods: [], amount: { $type: 'BigInt', value: '6' } },
  ]);
});

scenario('schema_changes_made_while_the_server_is_down_are_replayed_in_their_place', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE shapes (id int PRIMARY KEY, a text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const model = defineModel('Shape', 'shapes', { id: 'Int', a: 'String' });
  const first = await s.consumer(pulse, { model, name: 'reader' });
  await first.close();
  await pulse.kill();
  await postgres.sql("INSERT INTO shapes VALUES (1, 'one')");
  await postgres.sql("ALTER TABLE shapes ADD extra int; INSERT INTO shapes VALUES (2, 'two', 2)");
  await postgres.sql(
    "ALTER TABLE shapes DROP a; ALTER TABLE shapes ADD a text; INSERT INTO shapes (id, a) VALUES (3, 'three')",
  );
  await pulse.start();
  const consumer = await s.consumer(pulse, { model, name: 'reader' });
  await consumer.untilReceived(3);
  assert.deepEqual(created(consumer), [
    { id: 1, a: 'one' },
    { id: 2, a: 'two' },
    { id: 3, a: 'three' },
  ]);
});

scenario('partitioned_tables_and_truncate_do_not_stop_capture', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`
    CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE parts_2024 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE plain (id int PRIMARY KEY)`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const plain = await s.consumer(pulse, { model: defineModel('Plain', 'plain', { id: 'Int' }), name: 'reader' });
  await postgres.sql("INSERT INTO parts VALUES (1, '2024-05-28')");
  await postgres.sql('INSERT INTO plain VALUES (1)');
  await postgres.sql('TRUNCATE plain');
  await postgres.sql('INSERT INTO plain VALUES (2)');
  await plain.untilReceived(2);
  await until('capture to go on', async () => (await fetch(`${pulse.adminUrl}/capturez`)).ok);
  assert.deepEqual(created(plain), [{ id: 1 }, { id: 2 }]);
});
