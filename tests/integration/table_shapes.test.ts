// Tables of every shape, and every way in which rows get into them.
import assert from 'node:assert/strict';

import { type Consumer, type Frame, Refused, rowOf } from '../harness/consumer.js';
import { defineModel, type Where } from '../harness/model.js';
import { postgresMajor } from '../harness/paths.js';
import { scenario } from '../harness/scenario.js';

const rows = (consumer: Consumer): unknown[] => consumer.frames.map(rowOf);
const told = (consumer: Consumer): unknown[] =>
  consumer.frames.map(({ action, before, ...frame }: Frame) => [action, before, rowOf({ action, ...frame })]);

scenario('identifiers_of_any_form_are_found_and_their_rows_delivered', async (s) => {
  const postgres = await s.postgres();
  const longest = 'l'.repeat(63);
  await postgres.sql(`
    CREATE SCHEMA "Sch.ema ""1""";
    CREATE TABLE "Sch.ema ""1"""."Ta.ble 'x' ""y""" ("I d" int PRIMARY KEY, "é\\" text, "SELECT" text);
    CREATE TABLE "Tür" ("ключ" int PRIMARY KEY);
    CREATE TABLE ${longest} (${longest} int PRIMARY KEY)`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const quoted = await s.consumer(pulse, {
    model: defineModel(
      'Odd',
      'Ta.ble \'x\' "y"',
      { id: 'Int @I d', e: 'String @é\\', select: 'String @SELECT' },
      'Sch.ema "1"',
    ),
  });
  const umlaut = await s.consumer(pulse, { model: defineModel('Door', 'Tür', { id: 'Int' }) });
  const long = await s.consumer(pulse, { model: defineModel('Long', longest, { id: `Int @${longest}` }) });
  await postgres.sql(`
    INSERT INTO "Sch.ema ""1"""."Ta.ble 'x' ""y""" VALUES (1, 'a', 'b');
    INSERT INTO "Tür" VALUES (1); INSERT INTO ${longest} VALUES (7)`);
  await quoted.untilReceived(1);
  await umlaut.untilReceived(1);
  await long.untilReceived(1);
  assert.deepEqual(rows(quoted), [{ id: 1, e: 'a', select: 'b' }]);
  // The client cannot send characters above U+00FF, so that such a column is in no header.
  assert.deepEqual(rows(umlaut), [{}]);
  assert.deepEqual(rows(long), [{ id: 7 }]);
});

scenario('old_rows_are_what_the_replica_identity_sends', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`
    CREATE TABLE by_key (id int PRIMARY KEY, code int NOT NULL, text text);
    CREATE TABLE by_index (id int PRIMARY KEY, code int NOT NULL, text text);
    CREATE UNIQUE INDEX by_index_code ON by_index (code);
    ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_code;
    CREATE TABLE whole (id int PRIMARY KEY, code int NOT NULL, text text);
    ALTER TABLE whole REPLICA IDENTITY FULL;
    CREATE TABLE "_AToB" ("A" int NOT NULL, "B" int NOT NULL);
    CREATE UNIQUE INDEX ab ON "_AToB" ("A", "B");
    ALTER TABLE "_AToB" REPLICA IDENTITY FULL`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const fields = { id: 'Int', code: 'Int', text: 'String' };
  const open = (table: string): Promise<Consumer> => s.consumer(pulse, { model: defineModel(table, table, fields) });
  const [byKey, byIndex, whole] = [await open('by_key'), await open('by_index'), await open('whole')];
  const join = await s.consumer(pulse, { model: defineModel('AToB', '_AToB', { A: 'Int', B: 'Int' }) });
  for (const table of ['by_key', 'by_index', 'whole']) {
    await postgres.sql(`
      INSERT INTO ${table} VALUES (1, 10, 'x');
      UPDATE ${table} SET text = 'y';
      UPDATE ${table} SET id = 2, code = 20;
      DELETE FROM ${table}`);
  }
  await postgres.sql('INSERT INTO "_AToB" VALUES (1, 2); DELETE FROM "_AToB"');
  for (const one of [byKey, byIndex, whole]) await one.untilReceived(4);
  await join.untilReceived(2);
  const changed = (before: (row: Record<string, unknown>) => unknown, deleted: unknown): unknown[] => [
    ['create', undefined, { id: 1, code: 10, text: 'x' }],
    ['update', before({ id: 1, code: 10, text: 'x' }), { id: 1, code: 10, text: 'y' }],
    ['update', before({ id: 1, code: 10, text: 'y' }), { id: 2, code: 20, text: 'y' }],
    ['delete', undefined, deleted],
  ];
  // A changed key is an update like others: the old key is not in it unless the identity is full.
  assert.deepEqual(
    told(byKey),
    changed(() => null, { id: 2 }),
  );
  assert.deepEqual(
    told(byIndex),
    changed(() => null, { code: 20 }),
  );
  assert.deepEqual(
    told(whole),
    changed((row) => row, { id: 2, code: 20, text: 'y' }),
  );
  assert.deepEqual(told(join), [
    ['create', undefined, { A: 1, B: 2 }],
    ['delete', undefined, { A: 1, B: 2 }],
  ]);
});

scenario(
  'a_partitioned_table_is_one_table_whatever_is_attached_and_detached',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`
    CREATE TABLE parts (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
    CREATE TABLE parts_2_all PARTITION OF parts_2 DEFAULT;
    CREATE TABLE later (at int NOT NULL, id int NOT NULL, PRIMARY KEY (id, at));
    CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (parent)`);
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const fields = { id: 'Int', at: 'Int' };
    const root = await s.consumer(pulse, { model: defineModel('Part', 'parts', fields) });
    const parent = await s.consumer(pulse, { model: defineModel('Parent', 'parent', { id: 'Int' }) });
    const child = await s.consumer(pulse, { model: defineModel('Child', 'child', { id: 'Int', extra: 'Int' }) });
    const refused = await s.consumer(pulse, { model: defineModel('Part', 'parts_1', fields) }).catch((e: unknown) => e);
    assert.ok(refused instanceof Refused);
    assert.match(refused.body, /a partition of public\.parts/);
    await postgres.sql('INSERT INTO parts VALUES (1, 1), (2, 11)');
    // From one partition to another: PostgreSQL sends that as what it does.
    await postgres.sql('UPDATE parts SET at = 12 WHERE id = 1');
    await postgres.sql('ALTER TABLE parts ATTACH PARTITION later FOR VALUES FROM (20) TO (30)');
    await postgres.sql('INSERT INTO parts VALUES (3, 21)');
    await postgres.sql('ALTER TABLE parts DETACH PARTITION parts_1; INSERT INTO parts_1 VALUES (4, 4)');
    await postgres.sql('INSERT INTO parts VALUES (5, 25)');
    const detached = await s.consumer(pulse, { model: defineModel('Part', 'parts_1', fields) });
    await postgres.sql('INSERT INTO parts_1 VALUES (6, 6)');
    await postgres.sql(
      'INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 22); UPDATE parent SET id = id + 10',
    );
    // Up to 14 a walsender does not notice: the rows come as the table's until capture connects again.
    const noticed = postgresMajor >= 15;
    await root.untilReceived(noticed ? 6 : 8);
    if (noticed) await detached.untilReceived(1);
    await parent.untilReceived(2);
    await child.untilReceived(2);
    assert.deepEqual(
      root.frames.map((frame) => [frame.action, rowOf(frame)]),
      [
        ['create', { id: 1, at: 1 }],
        ['create', { id: 2, at: 11 }],
        ['delete', { id: 1, at: 1 }],
        ['create', { id: 1, at: 12 }],
        ['create', { id: 3, at: 21 }],
        ...(noticed ? [] : [['create', { id: 4, at: 4 }]]),
        ['create', { id: 5, at: 25 }],
        ...(noticed ? [] : [['create', { id: 6, at: 6 }]]),
      ],
    );
    assert.deepEqual(rows(detached), noticed ? [{ id: 6, at: 6 }] : []);
    // A child's rows are the child's, also when they are changed by way of the parent.
    assert.deepEqual(rows(parent), [{ id: 1 }, { id: 11 }]);
    assert.deepEqual(rows(child), [
      { id: 2, extra: 22 },
      { id: 12, extra: 22 },
    ]);
  },
  { from: 13 },
);

scenario('rows_come_by_whatever_statement_they_were_written_and_only_when_they_stay', async (s) => {
  const postgres = await s.postgres({
    settings: { max_prepared_transactions: '4', ...(postgresMajor >= 13 && { logical_decoding_work_mem: '64kB' }) },
  });
  await postgres.sql(`
    CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int UNIQUE, text text,
                        double int GENERATED ALWAYS AS (n * 2) STORED)`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const model = defineModel('Item', 'items', { id: 'Int', n: 'Int', text: 'String', double: 'Int' });
  const consumer = await s.consumer(pulse, { model, name: 'reader' });
  const version = Number((await postgres.sql('SHOW server_version_num')).rows[0].server_version_num);
  const row = (id: number, n: number, text: string): unknown =>
    version >= 180000 ? { id, n, text, double: n * 2 } : { id, n, text };
  const expected: unknown[] = [];

  await postgres.sql(`INSERT INTO items (n, text) VALUES (1, 'insert')`);
  expected.push(['create', row(1, 1, 'insert')]);
  await postgres.sql(
    `INSERT INTO items (n, text) VALUES (1, 'again') ON CONFLICT (n) DO UPDATE SET text = excluded.text`,
  );
  expected.push(['update', row(1, 1, 'again')]);
  await postgres.sql(`COPY items (n, text) FROM PROGRAM 'printf "2\\tcopied\\n3\\tcopied\\n"'`);
  // The upsert has used up a number.
  expected.push(['create', row(3, 2, 'copied')], ['create', row(4, 3, 'copied')]);
  if (version >= 150000) {
    await postgres.sql(`
      MERGE INTO items USING (VALUES (2, 'merged'), (3, 'gone'), (5, 'new')) AS v (n, text) ON items.n = v.n
      WHEN MATCHED AND v.text = 'gone' THEN DELETE
      WHEN MATCHED THEN UPDATE SET text = v.text
      WHEN NOT MATCHED THEN INSERT (n, text) VALUES (v.n, v.text)`);
    expected.push(['update', row(3, 2, 'merged')], ['delete', { id: 4 }], ['create', row(5, 5, 'new')]);
  }
  await postgres.sql(`SELECT pg_logical_emit_message(true, 'x', 'y'), pg_logical_emit_message(false, 'x', 'y')`);
  const next = (await postgres.sql(`SELECT last_value + 1 AS id FROM items_id_seq`)).rows[0].id as string;
  const id = Number(next);
  await postgres.sql(`BEGIN; INSERT INTO items (n, text) VALUES (10, 'prepared'); PREPARE TRANSACTION 'stays'`);
  await postgres.sql(`BEGIN; INSERT INTO items (n, text) VALUES (11, 'prepared'); PREPARE TRANSACTION 'goes'`);
  await postgres.sql(`ROLLBACK PREPARED 'goes'`);
  await postgres.sql(`COMMIT PREPARED 'stays'`);
  expected.push(['create', row(id, 10, 'prepared')]);
  // Large enough to be streamed while it is open, from 14 on.
  await postgres.sql(`
    BEGIN;
    INSERT INTO items (n, text) SELECT 1000 + i, repeat('x', 500) FROM generate_series(1, 300) i;
    SAVEPOINT one;
    INSERT INTO items (n, text) SELECT 2000 + i, repeat('y', 500) FROM generate_series(1, 300) i;
    TRUNCATE items;
    ROLLBACK TO one;
    SAVEPOINT two;
    INSERT INTO items (n, text) VALUES (3000, 'kept');
    RELEASE two;
    COMMIT`);
  for (let i = 1; i <= 300; i++) expected.push(['create', row(id + 1 + i, 1000 + i, 'x'.repeat(500))]);
  expected.push(['create', row(id + 602, 3000, 'kept')]);
  await postgres.sql(`TRUNCATE items; INSERT INTO items (n, text) VALUES (1, 'after')`);
  expected.push(['create', row(id + 603, 1, 'after')]);
  await consumer.untilReceived(expected.length);
  assert.deepEqual(
    consumer.frames.map((frame) => [frame.action, rowOf(frame)]),
    expected,
  );
  const metrics = await (await fetch(`${pulse.adminUrl}/metrics`)).text();
  assert.match(metrics, /pulse_truncates_total\{[^}]*\} 1\n/);
});

scenario('a_publication_of_ones_own_sends_what_it_is_made_for_and_the_rest_is_refused', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`
    CREATE TABLE picked (id int PRIMARY KEY, shown text, hidden text);
    CREATE TABLE others (id int PRIMARY KEY);
    CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)`);
  const version = Number((await postgres.sql('SHOW server_version_num')).rows[0].server_version_num);
  const listed = version >= 150000;
  await postgres.sql(
    `CREATE PUBLICATION own FOR TABLE picked ${listed ? '(id, shown) WHERE (id < 100)' : ''}, parts_1 WITH (publish = 'insert')`,
  );
  const pulse = await s.pulse({ database: postgres.socketUrl(), env: { PULSE_PUBLICATION: 'own' } });
  const model = defineModel('Some', 'picked', { id: 'Int', shown: 'String', hidden: 'String' });
  const refusal = async (table: string, where?: Where): Promise<string> => {
    const opened = s.consumer(pulse, { model: defineModel(table, table, { id: 'Int' }), ...(where ? { where } : {}) });
    const refused = await opened.catch((reason: unknown) => reason);
    assert.ok(refused instanceof Refused, `${table} was not refused`);
    assert.ok(refused.status >= 400 && refused.status < 500);
    return refused.body;
  };
  assert.match(await refusal('others'), /ALTER PUBLICATION .*own.* ADD TABLE .*others/);
  assert.match(await refusal('parts'), /publish_via_partition_root = true/);
  assert.match(await refusal('picked', { delete: {} }), /SET \(publish = 'insert, delete'\)/);
  const consumer = await s.consumer(pulse, { model });
  const part = await s.consumer(pulse, { model: defineModel('Part', 'parts_1', { id: 'Int' }) });
  await postgres.sql(`INSERT INTO picked VALUES (1, 'a', 'b'), (100, 'c', 'd'), (2, 'e', 'f')`);
  await postgres.sql(`UPDATE picked SET shown = 'z'; DELETE FROM picked; INSERT INTO parts VALUES (3)`);
  await part.untilReceived(1);
  await consumer.untilReceived(listed ? 2 : 3);
  assert.deepEqual(
    rows(consumer),
    listed
      ? [
          { id: 1, shown: 'a' },
          { id: 2, shown: 'e' },
        ]
      : [
          { id: 1, shown: 'a', hidden: 'b' },
          { id: 100, shown: 'c', hidden: 'd' },
          { id: 2, shown: 'e', hidden: 'f' },
        ],
  );

  // Published while the server runs: found at the next opening.
  await postgres.sql('ALTER PUBLICATION own ADD TABLE others');
  const others = await s.consumer(pulse, { model: defineModel('others', 'others', { id: 'Int' }) });
  await postgres.sql('INSERT INTO others VALUES (1)');
  await others.untilReceived(1);
  assert.deepEqual(rows(others), [{ id: 1 }]);
});

scenario('a_table_with_replica_identity_nothing_sends_what_needs_none', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`
    CREATE TABLE visits (id int, page text); ALTER TABLE visits REPLICA IDENTITY NOTHING;
    CREATE PUBLICATION own FOR TABLE visits WITH (publish = 'insert, truncate')`);
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--publication', 'own'] });
  const model = defineModel('Visit', 'visits', { id: 'Int', page: 'String' });
  const consumer = await s.consumer(pulse, { model, where: { create: {} } });
  const refused = await s.consumer(pulse, { model, where: { delete: {} } }).catch((reason: unknown) => reason);
  assert.ok(refused instanceof Refused);
  assert.match(refused.body, /publication own does not send.*ALTER PUBLICATION/s);
  // Not published, so that the application may still do it.
  await postgres.sql("INSERT INTO visits VALUES (1, 'a'), (1, 'a'); UPDATE visits SET page = 'b'; DELETE FROM visits");
  await postgres.sql("INSERT INTO visits VALUES (2, 'c')");
  await consumer.untilReceived(3);
  assert.deepEqual(rows(consumer), [
    { id: 1, page: 'a' },
    { id: 1, page: 'a' },
    { id: 2, page: 'c' },
  ]);
});
