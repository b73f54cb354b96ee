// What one major version of PostgreSQL does and another does not. `script/test --postgres 17` runs it on another one.
import assert from 'node:assert/strict';

import { defineModel } from '../harness/model.js';
import { postgresMajor } from '../harness/paths.js';
import { scenario } from '../harness/scenario.js';
import { within } from '../harness/wait.js';

scenario('transactions_are_taken_while_open_from_14_on_and_come_whole_on_all', async (s) => {
  const postgres = await s.postgres();
  // 12 has no such limit: what does not fit its memory is counted in changes.
  if (postgresMajor >= 13) {
    await postgres.sql("ALTER SYSTEM SET logical_decoding_work_mem = '64kB'");
    await postgres.sql('SELECT pg_reload_conf()');
  }
  await postgres.sql('CREATE TABLE entries (id int PRIMARY KEY, pad text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const model = defineModel('Entry', 'entries', { id: 'Int' });
  const consumer = await s.consumer(pulse, { model, name: 'all' });
  const insert = (from: number): string =>
    `INSERT INTO entries SELECT n, repeat('x', 100) FROM generate_series(${from}, ${from + 1999}) n;`;
  await postgres.sql(
    `BEGIN; ${insert(1)} SAVEPOINT undone; ${insert(2001)} ROLLBACK TO undone; ${insert(4001)} COMMIT`,
  );
  await postgres.sql(`BEGIN; ${insert(6001)} ROLLBACK`);
  await postgres.sql('INSERT INTO entries VALUES (0)');
  await consumer.untilReceived(4001);
  const expected = Array.from({ length: 2000 }, (_, n) => n + 1);
  assert.deepEqual(
    consumer.frames.map((frame) => frame.created?.['id']),
    [...expected, ...expected.map((id) => id + 4000), 0],
  );
  assert.equal(await pulse.metric('pulse_streamed_transactions_committed_total'), postgresMajor >= 14 ? 1 : 0);
});

scenario('a_partitioned_table_is_one_table_from_13_on_and_its_partitions_are_tables_before', async (s) => {
  const postgres = await s.postgres();
  const viaRoot = postgresMajor >= 13;
  await postgres.sql(`
    CREATE TABLE parts (id int PRIMARY KEY, text text) PARTITION BY RANGE (id);
    CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100)`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const table = viaRoot ? 'parts' : 'parts_low';
  const consumer = await s.consumer(pulse, { model: defineModel('Part', table, { id: 'Int', text: 'String' }) });
  await postgres.sql("INSERT INTO parts VALUES (1, 'low'); UPDATE parts SET text = 'lower'; DELETE FROM parts");
  await consumer.untilReceived(3);
  assert.deepEqual(
    consumer.frames.map((frame) => frame.created ?? frame.after ?? frame.deleted),
    [{ id: 1, text: 'low' }, { id: 1, text: 'lower' }, { id: 1 }],
  );
});

// From 18 on; PostgreSQL manual, 29.6 "Generated Column Replication". They are in no replica identity, so that FULL is no
// identity for a table with one: once it is published, every UPDATE and DELETE on it fails.
const withVirtual = (key: string): string => `a int NOT NULL ${key}, b int GENERATED ALWAYS AS (a * 2) VIRTUAL`;
const writes = (table: string): string =>
  `INSERT INTO ${table} (a) VALUES (1); UPDATE ${table} SET a = 2; DELETE FROM ${table}`;

scenario(
  'a_keyless_table_with_virtual_columns_stops_setup_until_fix_says_to_go_on_without_its_old_rows',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`CREATE TABLE keyless (${withVirtual('')})`);
    const pulse = await s.unstarted({ database: postgres.socketUrl() });
    const program = pulse.launch();
    const { code } = await within('serve to stop', 30_000, program.ended);
    assert.notEqual(code, 0);
    assert.match(program.output, /keyless.*virtual generated columns/s);
    await postgres.sql(writes('keyless'));
    await pulse.start({ args: ['--fix'] });
    const consumer = await s.consumer(pulse, { model: defineModel('Row', 'keyless', { a: 'Int' }) });
    await postgres.sql(`${writes('keyless')}; INSERT INTO keyless (a) VALUES (3)`);
    await consumer.untilReceived(2);
    assert.deepEqual(
      consumer.frames.map(({ created }) => created?.['a']),
      [1, 3],
    );
  },
  { from: 18 },
);

scenario(
  'tables_with_virtual_columns_get_the_identity_that_they_can_have',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`
    CREATE TABLE keyed (${withVirtual('PRIMARY KEY')}); ALTER TABLE keyed REPLICA IDENTITY FULL;
    CREATE TABLE "Indexed" (${withVirtual('CONSTRAINT "Unique" UNIQUE')});
    CREATE TABLE later (a int PRIMARY KEY); ALTER TABLE later REPLICA IDENTITY FULL`);
    const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--fix'] });
    await postgres.sql('ALTER TABLE later ADD b int GENERATED ALWAYS AS (a * 2) VIRTUAL');
    for (const table of ['keyed', '"Indexed"', 'later']) {
      const model = defineModel('Row', table.replaceAll('"', ''), { a: 'Int' });
      const consumer = await s.consumer(pulse, { model });
      await postgres.sql(writes(table));
      await consumer.untilReceived(3);
      assert.deepEqual(
        consumer.frames.map(({ action }) => action),
        ['create', 'update', 'delete'],
      );
    }
  },
  { from: 18 },
);
