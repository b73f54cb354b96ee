// Values of composite types whose attributes change while rows are written: under the names of their own time.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';

import { NativeConsumer } from '../harness/native.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

scenario(
  'values_of_a_composite_that_is_altered_have_the_names_of_their_time',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`CREATE TYPE address AS (street text, city text);
      CREATE DOMAIN checked AS address; CREATE TYPE office AS (at address, floor int);
      CREATE TABLE people (id int PRIMARY KEY, home address, all_of_them address[], domain checked, office office)`);
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const reader = await NativeConsumer.open(s, pulse, { table: 'people', name: 'reader' });
    const insert = async (id: number): Promise<void> => {
      await postgres.sql(`INSERT INTO people VALUES (${id}, '(a,b)', '{"(a,b)"}', '(a,b)', '("(a,b)",1)')`);
      await reader.untilReceived(id);
    };
    // The same number of attributes each time, so that nothing but the names can tell.
    await insert(1);
    await postgres.sql('ALTER TYPE address DROP ATTRIBUTE street');
    await postgres.sql('ALTER TYPE address ADD ATTRIBUTE zip text');
    await insert(2);
    await postgres.sql('ALTER TYPE address RENAME ATTRIBUTE zip TO code');
    await insert(3);
    const named = (first: string, second: string): object => {
      const one = { [first]: 'a', [second]: 'b' };
      return { home: one, all_of_them: [one], domain: one, office: { at: one, floor: 1 } };
    };
    const rows = reader.texts.map((text) => (JSON.parse(text) as { after: object }).after);
    assert.deepEqual(rows, [
      { id: 1, ...named('street', 'city') },
      { id: 2, ...named('city', 'zip') },
      { id: 3, ...named('city', 'code') },
    ]);
  },
  { from: 14 }, // the first to which the triggers' messages come
);

// PostgreSQL alters more row types than the statement names, and of more kinds than tables and composite types.
scenario(
  'values_of_row_types_that_a_statement_reaches_have_the_names_of_their_time',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`CREATE TYPE extra AS (x int); CREATE TABLE places (street text PRIMARY KEY, more extra, city text);
      CREATE TABLE base (one text, two text); CREATE TABLE child (PRIMARY KEY (one)) INHERITS (base);
      ALTER TABLE base REPLICA IDENTITY FULL; CREATE VIEW seen AS SELECT 'a'::text AS one, 'b'::text AS two;
      CREATE TABLE within (id int PRIMARY KEY, seen seen);
      CREATE TABLE people (id int PRIMARY KEY, place places, child child, within within)`);
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const reader = await NativeConsumer.open(s, pulse, { table: 'people', name: 'reader' });
    const insert = async (id: number, place: string): Promise<unknown> => {
      await postgres.sql(`INSERT INTO people VALUES (${id}, '${place}', '(a,b)', '(1,"(a,b)")')`);
      await reader.untilReceived(id);
      return reader.events.at(-1)?.after;
    };
    const row = (id: number, more: object, child: object, seen: object): object => {
      return { id, place: { street: 'a', ...more, city: 'b' }, child, within: { id: 1, seen } };
    };
    const before = { one: 'a', two: 'b' };
    assert.deepEqual(await insert(1, '(a,,b)'), row(1, { more: null }, before, before));
    await postgres.sql('DROP TYPE extra CASCADE');
    assert.deepEqual(await insert(2, '(a,b)'), row(2, {}, before, before));
    await postgres.sql('ALTER TABLE base RENAME COLUMN two TO second');
    const child = { one: 'a', second: 'b' };
    assert.deepEqual(await insert(3, '(a,b)'), row(3, {}, child, before));
    await postgres.sql('ALTER VIEW seen RENAME COLUMN one TO first');
    assert.deepEqual(await insert(4, '(a,b)'), row(4, {}, child, { first: 'a', two: 'b' }));
  },
  { from: 14 },
);

// Capture is away meanwhile: when it reads the types they have been altered again already.
scenario(
  'values_written_between_two_alterations_have_the_names_of_their_time_however_late_they_come',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`CREATE TYPE address AS (street text, city text);
      CREATE TABLE people (id int PRIMARY KEY, home address, all_of_them address[])`);
    const proxy = await s.proxy(postgres.port);
    await proxy.open();
    const pulse = await s.pulse({ database: `postgresql://postgres@127.0.0.1:${proxy.port}/postgres` });
    const insert = async (id: number, table = 'people'): Promise<void> => {
      await postgres.sql(`INSERT INTO ${table} VALUES (${id}, '(a,b)', '{"(a,b)"}')`);
    };
    const alterAndInsert = async (id: number, from: string, to: string, table = 'people'): Promise<void> => {
      await postgres.sql(`ALTER TYPE address RENAME ATTRIBUTE ${from} TO ${to}`);
      await insert(id, table);
    };
    const row = (id: number, first: string, second: string): object => {
      const one = { [first]: 'a', [second]: 'b' };
      return { id, home: one, all_of_them: [one] };
    };
    const open = (table: string): Promise<NativeConsumer> => NativeConsumer.open(s, pulse, { table, name: 'reader' });
    const rowsOf = (reader: NativeConsumer): unknown[] => reader.events.map(({ after }) => after);

    const reader = await open('people');
    await insert(1);
    await reader.untilReceived(1);
    await proxy.close();
    await insert(2);
    await alterAndInsert(3, 'street', 'road');
    await alterAndInsert(4, 'city', 'town');
    // A table that capture learns of when its type has become another.
    await postgres.sql('CREATE TABLE guests (id int PRIMARY KEY, home address, all_of_them address[])');
    await insert(1, 'guests');
    await alterAndInsert(2, 'town', 'place', 'guests');
    await insert(5);
    await proxy.open();
    await reader.untilReceived(5);
    assert.deepEqual(rowsOf(reader), [
      row(1, 'street', 'city'),
      row(2, 'street', 'city'),
      row(3, 'road', 'city'),
      row(4, 'road', 'town'),
      row(5, 'road', 'place'),
    ]);
    await open('guests');
    const sought = await pulse.command(['streams', 'seek', 'guests', 'reader', '--to', 'beginning'], pulse.adminAccess);
    assert.equal(sought.code, 0, sought.output);
    const guests = await open('guests');
    await guests.untilReceived(2);
    assert.deepEqual(rowsOf(guests), [row(1, 'road', 'town'), row(2, 'road', 'place')]);

    // No server runs meanwhile. A killed one may deliver again what was acknowledged last.
    await pulse.kill();
    await insert(6);
    await alterAndInsert(7, 'road', 'way');
    await alterAndInsert(8, 'place', 'zip');
    await pulse.start();
    const again = await open('people');
    await until('the last row', () => again.texts.some((text) => text.includes('"id":8')));
    assert.deepEqual(rowsOf(again).slice(-3), [row(6, 'road', 'place'), row(7, 'way', 'place'), row(8, 'way', 'zip')]);
  },
  { from: 14 },
);

// No messages come: where the types were altered is not known.
const textWithoutMessages = async (s: Scenario, own: boolean): Promise<void> => {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE TYPE address AS (street text, city text);
    CREATE TABLE people (id int PRIMARY KEY, home address)`);
  if (own) await postgres.sql('CREATE PUBLICATION own FOR TABLE people');
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: own ? ['--publication', 'own'] : [] });
  const reader = await NativeConsumer.open(s, pulse, { table: 'people', name: 'reader' });
  const insert = (id: number): Promise<unknown> => postgres.sql(`INSERT INTO people VALUES (${id}, '(a,b)')`);
  await insert(1);
  await reader.untilReceived(1);
  await pulse.kill();
  if (!own) {
    await postgres.sql(`DO $$ DECLARE one name; BEGIN
      FOR one IN SELECT evtname FROM pg_event_trigger LOOP EXECUTE format('ALTER EVENT TRIGGER %I DISABLE', one); END LOOP;
      END $$`);
  }
  await insert(2);
  await postgres.sql('ALTER TYPE address RENAME ATTRIBUTE street TO road');
  await insert(3);
  await pulse.start();
  const again = await NativeConsumer.open(s, pulse, { table: 'people', name: 'reader' });
  await until('the rows', () => again.texts.some((text) => text.includes('"id":3')));
  await insert(4);
  await until('the last row', () => again.texts.some((text) => text.includes('"id":4')));
  assert.deepEqual(
    [reader, again]
      .flatMap(({ events }) => events.map(({ after }) => after))
      .filter((row, at, all) => all.findIndex((one) => one?.id === row?.id) === at),
    [
      { id: 1, home: { street: 'a', city: 'b' } },
      { id: 2, home: '(a,b)' },
      { id: 3, home: '(a,b)' },
      { id: 4, home: { road: 'a', city: 'b' } },
    ],
  );
};

scenario('values_of_a_composite_that_was_altered_while_capture_was_away_are_text_without_event_triggers', (s) =>
  textWithoutMessages(s, true),
);

// They are put in place again when capture connects, which does not say what was altered before.
scenario('values_of_a_composite_that_was_altered_while_the_event_triggers_were_disabled_are_text', (s) =>
  textWithoutMessages(s, false),
);

// The look at the publications, once a second, asks for what columns consist of. Before that the names are the old ones.
scenario('an_altered_composite_is_noticed_without_event_triggers_though_nothing_else_is_read', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE ROLE pulse LOGIN REPLICATION; GRANT CREATE ON DATABASE postgres TO pulse;
    GRANT ALL ON SCHEMA public TO pulse; SET ROLE pulse; CREATE TYPE address AS (street text, city text);
    CREATE TABLE people (id int PRIMARY KEY, home address)`);
  const pulse = await s.pulse({ database: postgres.url('postgres', 'pulse') });
  const reader = await NativeConsumer.open(s, pulse, { table: 'people' });
  await postgres.sql("INSERT INTO people VALUES (1, '(a,b)')");
  await reader.untilReceived(1);
  await postgres.sql('ALTER TYPE address RENAME ATTRIBUTE street TO road');
  const last = (): unknown => reader.events.at(-1)?.after?.home;
  for (let id = 2; !isDeepStrictEqual(last(), { road: 'a', city: 'b' }); id++) {
    assert.ok(id < 1000, `still ${JSON.stringify(last())}`);
    await postgres.sql(`INSERT INTO people VALUES (${id}, '(a,b)')`);
    await reader.untilReceived(id);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const forms = [...new Set(reader.events.map(({ after }) => JSON.stringify(after?.home)))];
  assert.deepEqual(
    forms.filter((form) => form !== '"(a,b)"'),
    ['{"street":"a","city":"b"}', '{"road":"a","city":"b"}'],
  );
});
