// Changes that PostgreSQL itself cannot send: capture stops at them and says where, and `pulse gaps skip` passes the rest of
// that transaction and nothing else.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Consumer, rowOf } from '../harness/consumer.js';
import { refusal, theGap } from '../harness/gaps.js';
import { defineModel } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import type { Gap, Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';
import { passes, skip, stopped } from './stopped_capture.js';

const writer = defineModel('Writer', 'Writer', { id: 'Int', name: 'String' });
const tag = defineModel('Tag', 'Tag', { id: 'Int' });
const table = 'CREATE TABLE "Writer" (id int PRIMARY KEY, name text)';

const ids = (consumer: Consumer): unknown[] => consumer.frames.map((frame) => rowOf(frame).id);

interface Setup {
  postgres: Postgres;
  pulse: Pulse;
  mail: Consumer;
  sql: (text: string) => Promise<unknown>;
}

// Two names are opened at the start. `mail` reads all the while; see readByLate().
async function setUp(
  s: Scenario,
  postgres: Postgres,
  { database = 'postgres', user = 'postgres', args = [] as string[] } = {},
): Promise<Setup> {
  const pulse = await s.pulse({ database: postgres.socketUrl(database, user), args });
  (await s.consumer(pulse, { model: writer, name: 'late' })).terminate();
  const mail = await s.consumer(pulse, { model: writer, name: 'mail', reconnect: true });
  return { postgres, pulse, mail, sql: (text) => postgres.sql(text, database) };
}

// Everything once more, under the name that has read nothing yet: the same events with the same ids.
async function readByLate(s: Scenario, { pulse, mail }: Setup): Promise<void> {
  const late = await s.consumer(pulse, { model: writer, name: 'late', reconnect: true });
  await late.untilReceived(mail.frames.length);
  assert.deepEqual(
    late.frames.map(({ id }) => id),
    mail.frames.map(({ id }) => id),
  );
  const sorted = mail.frames.map(({ id }) => id).sort();
  assert.deepEqual(
    late.frames.map(({ id }) => id),
    sorted,
  );
  assert.equal(new Set(sorted).size, sorted.length);
}

// `mail` has `before`, waits before the gap until that is accepted, and then gets `after`.
async function waitsBefore(setup: Setup, gap: Gap, before: number[], after: number[]): Promise<void> {
  const { pulse, mail } = setup;
  assert.deepEqual(await theGap(pulse, 'skipped'), gap);
  await until('the stream to be refused', async () => {
    const told = await refusal(pulse, 'mail').catch(() => undefined);
    return told !== undefined && told.code === 'P6100' && told.gap.id === gap.id;
  });
  assert.deepEqual(ids(mail), before);
  await pulse.acceptGap(gap.id);
  await mail.untilReceived(before.length + after.length);
  assert.deepEqual(ids(mail), [...before, ...after]);
}

async function inEncoding(postgres: Postgres, encoding: string): Promise<string> {
  const name = encoding.toLowerCase();
  await postgres.createDatabase(name, encoding);
  await postgres.sql(`${table}; CREATE TABLE "Tag" (id int PRIMARY KEY)`, name);
  return name;
}

scenario('a_value_that_is_not_utf8_stops_capture_and_only_the_rest_of_its_transaction_is_skipped', async (s) => {
  const postgres = await s.postgres();
  const database = await inEncoding(postgres, 'SQL_ASCII');
  const setup = await setUp(s, postgres, { database });
  const { pulse, mail, sql } = setup;
  const tags = await s.consumer(pulse, { model: tag, name: 'tags', reconnect: true });
  await sql(`INSERT INTO "Writer" VALUES (1, 'one')`);
  await mail.untilReceived(1);

  // Around it: one begins before and commits after, one begins after and commits before.
  const [around, bad] = [await postgres.connect(database), await postgres.connect(database)];
  await around.query(`BEGIN; INSERT INTO "Writer" VALUES (100, 'around')`);
  await bad.query(`BEGIN; INSERT INTO "Writer" VALUES (2, 'two'); INSERT INTO "Writer" VALUES (3, E'odd\\xff')`);
  await sql(`INSERT INTO "Writer" VALUES (50, 'within')`);
  await bad.query(`INSERT INTO "Writer" VALUES (4, 'four'); COMMIT`);
  await around.query(`INSERT INTO "Writer" VALUES (101, 'around'); COMMIT`);
  await sql(`INSERT INTO "Writer" VALUES (5, 'five')`);
  await around.end();
  await bad.end();

  const place = await stopped(pulse);
  assert.match(place.problem, /PostgreSQL cannot send the change at \S+ of the transaction that committed at \S+: /);
  assert.match(place.problem, /invalid byte sequence for encoding "UTF8": 0xff/);
  assert.match(place.problem, /docs\/how-to\/runbooks\/unsendable_change\.md/);
  assert.equal((await fetch(`${pulse.adminUrl}/capturez`)).status, 503);
  const wrong = await skip(pulse, '0/1');
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.output, new RegExp(`capture is stopped at the change at ${place.lsn}, not at 0/1`));
  assert.deepEqual(await pulse.gaps(), []);

  // Another start comes to the same place.
  await pulse.kill();
  pulse.launch();
  await pulse.ready();
  assert.deepEqual(await stopped(pulse), place);
  const gap = await passes(pulse, place);
  assert.match(gap.reason, /an operator skipped a transaction.*invalid byte sequence/);
  assert.equal(await pulse.metric('pulse_changes_skipped_total'), 1);
  // Of a table that the transaction did not change: nobody has to accept anything.
  await sql('INSERT INTO "Tag" VALUES (1)');
  await tags.untilReceived(1);
  await waitsBefore(setup, gap, [1, 50, 2], [100, 101, 5]);

  // The slot has not confirmed all of it: the transaction stays left out.
  await pulse.terminate();
  await pulse.start();
  await sql(`INSERT INTO "Writer" VALUES (6, 'six')`);
  await mail.untilReceived(7);
  assert.deepEqual(ids(mail), [1, 50, 2, 100, 101, 5, 6]);
  assert.equal((await pulse.gaps()).length, 1);
  await readByLate(s, setup);
});

scenario(
  'tables_that_a_skipped_transaction_changed_are_those_that_had_their_names_then',
  async (s) => {
    const postgres = await s.postgres();
    const database = await inEncoding(postgres, 'SQL_ASCII');
    await postgres.sql(
      `CREATE TABLE "Odd" (id int PRIMARY KEY, name text);
     CREATE TABLE parted (id int, name text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
     CREATE TABLE "Part ""1""" PARTITION OF parted FOR VALUES FROM (0) TO (10)`,
      database,
    );
    const { pulse, mail, sql } = await setUp(s, postgres, { database });
    const parted = await s.consumer(pulse, {
      model: defineModel('Parted', 'parted', { id: 'Int', name: 'String' }),
      name: 'parted',
      reconnect: true,
    });
    await sql(`BEGIN; INSERT INTO "Odd" VALUES (1, E'odd\\xff'); INSERT INTO parted VALUES (1, 'lost'); COMMIT`);
    const first = await passes(pulse, await stopped(pulse));
    await sql(`INSERT INTO "Writer" VALUES (1, 'one'); INSERT INTO parted VALUES (2, 'two')`);
    // The partition's changes are the root's.
    await mail.untilReceived(1);
    await until('the stream to end at the gap', () => parted.closes.length > 0);
    assert.equal(parted.received, 0);
    await pulse.acceptGap(first.id);
    await parted.untilReceived(1);

    // A table that has the name now may be another one: then it may be any.
    await sql(`INSERT INTO "Odd" VALUES (2, E'odd\\xff')`);
    const place = await stopped(pulse);
    await sql(`ALTER TABLE "Odd" RENAME TO "Other"; CREATE TABLE "Odd" (id int PRIMARY KEY, name text)`);
    const second = await passes(pulse, place);
    await until('the stream to end at the gap', () => mail.closes.length > 0);
    await pulse.acceptGap(second.id);
    await sql(`INSERT INTO "Writer" VALUES (2, 'two')`);
    await mail.untilReceived(2);
  },
  { from: 13 },
);

scenario('what_committed_before_it_is_stored_also_when_its_table_has_been_renamed_since', async (s) => {
  const postgres = await s.postgres();
  const database = await inEncoding(postgres, 'SQL_ASCII');
  const { pulse, mail, sql } = await setUp(s, postgres, { database });
  mail.terminate();
  await pulse.terminate();
  // The name in the WAL has to be looked up in the catalog, while PostgreSQL's error is here already.
  await sql(`INSERT INTO "Writer" VALUES (1, 'one')`);
  await sql(`INSERT INTO "Writer" VALUES (2, E'odd\\xff')`);
  await sql('ALTER TABLE "Writer" RENAME TO "Author"');
  pulse.launch();
  await pulse.ready();
  const gap = await passes(pulse, await stopped(pulse));
  await pulse.acceptGap(gap.id);
  await sql(`INSERT INTO "Author" VALUES (3, 'three')`);
  const model = defineModel('Author', 'Author', { id: 'Int', name: 'String' });
  const late = await s.consumer(pulse, { model, name: 'late', reconnect: true });
  await late.untilReceived(2);
  assert.deepEqual(ids(late), [1, 3]);
});

scenario('a_table_name_that_is_not_utf8_stops_nothing_before_the_table_is_written', async (s) => {
  const postgres = await s.postgres();
  const database = await inEncoding(postgres, 'SQL_ASCII');
  await postgres.sql(
    `DO $$ BEGIN EXECUTE pg_catalog.format('CREATE TABLE %I (id int PRIMARY KEY)', E'caf\\xe9'); END $$;
     DO $$ BEGIN EXECUTE pg_catalog.format('CREATE TYPE mood AS ENUM (%L)', E'gl\\xfccklich'); END $$`,
    database,
  );
  const setup = await setUp(s, postgres, { database });
  const { pulse, mail, sql } = setup;
  await sql(`INSERT INTO "Writer" VALUES (1, 'one')`);
  await mail.untilReceived(1);
  await sql(`DO $$ BEGIN EXECUTE pg_catalog.format('INSERT INTO %I VALUES (1)', E'caf\\xe9'); END $$`);
  await sql(`INSERT INTO "Writer" VALUES (2, 'two')`);
  await passes(pulse, await stopped(pulse));
  // It is known to be the only table that the transaction changed.
  await mail.untilReceived(2);
  assert.deepEqual(ids(mail), [1, 2]);
  await readByLate(s, setup);
});

scenario('a_character_without_equivalent_in_utf8_stops_capture_and_can_be_skipped', async (s) => {
  const postgres = await s.postgres();
  const database = await inEncoding(postgres, 'EUC_JP');
  const setup = await setUp(s, postgres, { database });
  const { pulse, mail, sql } = setup;
  await sql(`INSERT INTO "Writer" VALUES (1, 'one')`);
  await mail.untilReceived(1);
  await sql(`INSERT INTO "Writer" VALUES (2, E'odd\\xa9\\xa1')`);
  await sql(`INSERT INTO "Writer" VALUES (3, 'three')`);
  const place = await stopped(pulse);
  assert.match(place.problem, /has no equivalent in encoding "UTF8"/);
  await waitsBefore(setup, await passes(pulse, place), [1], [3]);
});

scenario(
  'a_row_filter_that_fails_stops_capture_and_only_its_transaction_is_skipped',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`${table}; CREATE TABLE other (id int PRIMARY KEY);
      CREATE ROLE plain LOGIN REPLICATION; GRANT SELECT ON "Writer" TO plain;
      CREATE PUBLICATION own FOR TABLE "Writer" WHERE (1000 / id > 0)`);
    const setup = await setUp(s, postgres, { user: 'plain', args: ['--publication', 'own'] });
    const { pulse, mail, sql } = setup;
    await sql(`INSERT INTO "Writer" VALUES (1, 'one')`);
    await mail.untilReceived(1);
    // Nothing of the transaction is sent before its first row fails: where it commits has to be found. What is not
    // published commits around it.
    const around = await postgres.connect();
    await around.query(`BEGIN; INSERT INTO "Writer" VALUES (100, 'around')`);
    await sql(`BEGIN; INSERT INTO "Writer" VALUES (0, 'zero'); INSERT INTO "Writer" VALUES (2, 'two');
               INSERT INTO other SELECT n FROM generate_series(1, 1000) n; COMMIT`);
    await sql('INSERT INTO other VALUES (0)');
    await around.query(`COMMIT`);
    await around.end();
    await sql(`INSERT INTO "Writer" VALUES (3, 'three')`);
    // A second one, in the next but one transaction.
    await sql(`INSERT INTO "Writer" VALUES (4, 'four'), (-10, 'not wanted')`);
    const place = await stopped(pulse);
    assert.match(place.problem, /PostgreSQL cannot send the change at \S+: .*division by zero/);
    await waitsBefore(setup, await passes(pulse, place), [1], [100, 3, 4]);
    await readByLate(s, setup);
  },
  { from: 15 },
);

scenario(
  'a_transaction_in_progress_that_cannot_be_sent_stops_nothing_until_it_commits',
  async (s) => {
    const postgres = await s.postgres({ settings: { logical_decoding_work_mem: '64kB' } });
    await postgres.sql(`${table}; ALTER TABLE "Writer" ALTER name SET STORAGE EXTERNAL`);
    const database = await inEncoding(postgres, 'SQL_ASCII');
    const setup = await setUp(s, postgres, { database });
    const { pulse, mail, sql } = setup;
    const large = (from: number): string =>
      `INSERT INTO "Writer" SELECT n, repeat('x', 1000) FROM generate_series(${from}, ${from + 499}) n`;
    const open = await postgres.connect(database);
    await open.query(`BEGIN; ${large(1000)}; INSERT INTO "Writer" VALUES (2000, E'odd\\xff'); ${large(3000)}`);
    await sql(`INSERT INTO "Writer" VALUES (1, 'one')`);
    await mail.untilReceived(1);
    await open.query('ROLLBACK');
    await sql(`INSERT INTO "Writer" VALUES (2, 'two')`);
    await mail.untilReceived(2);
    assert.deepEqual(await pulse.gaps(), []);

    await open.query(`BEGIN; ${large(1000)}; INSERT INTO "Writer" VALUES (2000, E'odd\\xff'); ${large(3000)}; COMMIT`);
    await open.end();
    await sql(`INSERT INTO "Writer" VALUES (3, 'three')`);
    const gap = await passes(pulse, await stopped(pulse));
    const before = [1, 2, ...Array.from({ length: 500 }, (_, n) => 1000 + n)];
    await mail.untilReceived(before.length);
    await waitsBefore(setup, gap, before, [3]);
    // Taken while in progress again.
    await sql(`BEGIN; ${large(5000)}; INSERT INTO "Writer" VALUES (6000, 'last'); COMMIT`);
    await mail.untilReceived(before.length + 1 + 501);
    await readByLate(s, setup);
  },
  { from: 14 },
);

const eventually = (what: () => Promise<unknown>): Promise<unknown> =>
  until('PostgreSQL to be back', () =>
    what().then(
      () => true,
      () => false,
    ),
  );

const crashesOf = (postgres: Postgres): number =>
  readFileSync(join(postgres.folder, 'log'), 'utf8').split('was terminated by signal 11').length - 1;

scenario(
  'a_crash_of_postgresql_at_one_place_stops_capture_at_the_second_time',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`${table};
      CREATE TABLE parted (id int, part int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
      CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
      CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
      CREATE PUBLICATION own FOR ALL TABLES WITH (publish_via_partition_root)`);
    const setup = await setUp(s, postgres, { args: ['--publication', 'own'] });
    const { pulse, mail, sql } = setup;
    await sql(`INSERT INTO "Writer" VALUES (1, 'one')`);
    await mail.untilReceived(1);
    await pulse.terminate();

    const reader = await postgres.connect();
    await reader.query('BEGIN; SELECT * FROM parted');
    const detaching = await postgres.connect();
    await detaching.query('SET statement_timeout = 500');
    await assert.rejects(detaching.query('ALTER TABLE parted DETACH PARTITION parted_1 CONCURRENTLY'), /timeout/);
    await sql(`INSERT INTO "Writer" VALUES (2, 'two')`);
    await sql('INSERT INTO parted_1 VALUES (7, 1)');
    await sql(`INSERT INTO "Writer" VALUES (3, 'three')`);
    await reader.query('COMMIT');
    await sql('ALTER TABLE parted DETACH PARTITION parted_1 FINALIZE');
    await reader.end();
    await detaching.end();
    assert.equal(crashesOf(postgres), 0);

    pulse.launch();
    await pulse.ready();
    const place = await stopped(pulse);
    assert.match(place.problem, /PostgreSQL crashes whenever it sends the first changes after/);
    const crashes = crashesOf(postgres);
    // One whose farewell is lost with the connection is not known for a crash: on a busy machine there may be more than two.
    assert.ok(crashes >= 2 && crashes <= 10, `${crashes} crashes`);
    await eventually(() => sql(`INSERT INTO "Writer" VALUES (4, 'four')`));
    const gap = await passes(pulse, place);
    assert.equal(crashesOf(postgres), crashes);
    await waitsBefore(setup, gap, [1, 2], [3, 4]);
    await readByLate(s, setup);
  },
  { from: 14 },
);

scenario('restarts_kills_and_crashes_of_other_processes_never_stop_capture', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const setup = await setUp(s, postgres);
  const { pulse, mail, sql } = setup;
  let next = 0;
  const goesOn = async (): Promise<void> => {
    await eventually(() => sql(`INSERT INTO "Writer" VALUES (${next + 1}, 'x') ON CONFLICT DO NOTHING`));
    await mail.untilReceived(++next);
  };
  await goesOn();
  // Nothing is written in between: capture makes no progress.
  for (let n = 0; n < 4; n++) {
    await postgres.kill();
    await postgres.start();
  }
  await goesOn();
  for (let n = 0; n < 4; n++) {
    await postgres.stop('immediate');
    await postgres.start();
  }
  await goesOn();
  for (let n = 0; n < 4; n++) {
    const victim = await postgres.connect();
    const { rows } = await victim.query('SELECT pg_backend_pid() AS pid');
    process.kill((rows[0] as { pid: number }).pid, 'SIGKILL');
    await goesOn();
    await victim.end().catch(() => {});
  }
  assert.deepEqual(await pulse.gaps(), []);
  assert.deepEqual(
    ids(mail),
    Array.from({ length: next }, (_, n) => n + 1),
  );
});
