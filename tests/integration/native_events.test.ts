// Native events on a real server: the examples in contract/, whatever the database's settings are, filters and refusals.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { NativeConsumer, type NativeEvent } from '../harness/native.js';
import { postgresMajor, root } from '../harness/paths.js';
import { scenario } from '../harness/scenario.js';

interface ValueCase {
  name: string;
  type: string;
  text: string;
  json?: unknown;
  raw?: string;
  unrendered?: boolean;
  from?: number;
}

interface EventCase {
  name: string;
  sql: string[];
  skip?: number;
  events: Partial<NativeEvent>[];
}

const contract = <T>(name: string): T => JSON.parse(readFileSync(join(root, 'contract', name), 'utf8')) as T;

// All that PostgreSQL's text forms depend on, set to what nobody would expect.
const contrary: Record<string, string> = {
  DateStyle: 'German, DMY',
  TimeZone: 'Asia/Kolkata',
  IntervalStyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  lc_monetary: 'C.UTF-8',
  xmloption: 'document',
  quote_all_identifiers: 'on',
};

scenario('values_are_what_the_contract_says_whatever_server_database_and_role_set', async (s) => {
  const { setup, values: all } = contract<{ setup: string[]; values: ValueCase[] }>('native_values.json');
  const values = all.filter(({ from = 0 }) => postgresMajor >= from);
  const postgres = await s.postgres({ settings: contrary });
  for (const [name, value] of Object.entries(contrary)) {
    await postgres.sql(`ALTER DATABASE postgres SET ${name} = ${name === 'DateStyle' ? value : `'${value}'`}`);
    await postgres.sql(`ALTER ROLE postgres SET ${name} = ${name === 'DateStyle' ? value : `'${value}'`}`);
  }
  const client = await postgres.connect();
  s.atEnd(() => client.end());
  // The contract's own texts are to be read as they are meant.
  await client.query("SET DateStyle = ISO; SET TimeZone = 'UTC'; SET xmloption = content");
  for (const statement of setup) await client.query(statement);
  const columns = values.map(({ type }, index) => `c${index} ${type}`);
  await client.query(`CREATE TABLE every_value (id integer PRIMARY KEY, ${columns.join(', ')}, place regclass)`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const consumer = await NativeConsumer.open(s, pulse, { table: 'every_value' });
  await client.query(
    `INSERT INTO every_value VALUES (1, ${values.map((_, index) => `$${index + 1}`).join(', ')}, 'every_value')`,
    values.map(({ text }) => text),
  );
  await consumer.untilReceived(1);
  const [event] = consumer.events;
  const after = event?.after;
  assert.ok(after);
  for (const [index, { name, json, raw }] of values.entries()) {
    const value: unknown = after[`c${index}`];
    assert.deepEqual(value, raw === undefined ? json : JSON.parse(raw), name);
    if (raw !== undefined) assert.ok(consumer.texts[0]?.includes(`"c${index}":${raw}`), `${name}: digit by digit`);
  }
  assert.equal(after.place, 'public.every_value');
  const unrendered = values.flatMap((one, index) => (one.unrendered === true ? [`c${index}`] : []));
  assert.deepEqual(event.unrendered, { after: unrendered });
});

scenario('events_are_what_the_contract_says', async (s) => {
  const { setup, cases } = contract<{ setup: string[]; cases: EventCase[] }>('native_events.json');
  const postgres = await s.postgres();
  for (const statement of setup) await postgres.sql(statement);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const consumer = await NativeConsumer.open(s, pulse, { table: 'public.things', name: 'contract' });
  let seen = 0;
  let last = '';
  for (const { name, sql, skip = 0, events } of cases) {
    const earliest = new Date();
    for (const statement of sql) await postgres.sql(statement);
    seen += skip + events.length;
    await consumer.untilReceived(seen);
    for (const [index, event] of consumer.events.slice(seen - events.length).entries()) {
      const { id, commit_lsn, lsn, committed_at, ...rest } = event;
      assert.deepEqual(rest, events[index], name);
      assert.ok(id > last, 'ids rise');
      last = id;
      for (const place of [commit_lsn, lsn]) assert.match(place, /^[0-9A-F]+\/[0-9A-F]+$/);
      assert.match(committed_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\d{3})?Z$/);
      assert.ok(new Date(committed_at) >= earliest, name);
    }
  }
  assert.equal(consumer.texts.length, seen);
});

// PostgreSQL manual, 29.6 "Generated Column Replication": stored ones are published from 18 on, where the publication says so.
scenario('a_stored_generated_column_is_there_where_the_server_can_publish_it', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(
    'CREATE TABLE things (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) STORED, name text)',
  );
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const native = await NativeConsumer.open(s, pulse, { table: 'things' });
  const official = await s.consumer(pulse, {
    model: defineModel('Thing', 'things', { id: 'Int', twice: 'Int', name: 'String' }),
  });
  await postgres.sql("INSERT INTO things (id, name) VALUES (1, 'a')");
  await native.untilReceived(1);
  await official.untilReceived(1);
  const published = { id: 1, ...(postgresMajor >= 18 && { twice: 2 }), name: 'a' };
  assert.deepEqual(native.events[0]?.after, published);
  assert.deepEqual(official.frames[0]?.created, published);
});

scenario('filters_name_columns_and_take_values_as_events_have_them', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(
    'CREATE SCHEMA "a.b"; CREATE TABLE "a.b"."größe" (id integer PRIMARY KEY, "Zahl" bigint, doc jsonb, bytes bytea)',
  );
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const consumer = await NativeConsumer.open(s, pulse, {
    schema: 'a.b',
    table: 'größe',
    where: { create: { OR: [{ Zahl: '9007199254740993' }, { doc: { a: [1] } }, { bytes: 'AP8=' }] } },
  });
  await postgres.sql(
    `INSERT INTO "a.b"."größe" VALUES (1, 9007199254740993, NULL, NULL), (2, 9007199254740992, NULL, NULL),
       (3, NULL, '{"a": [1]}', NULL), (4, NULL, '{"a": [2]}', '\\x00ff'), (5, NULL, NULL, '\\x00'),
       (6, 9007199254740993, NULL, NULL)`,
  );
  await consumer.untilReceived(4);
  assert.deepEqual(
    consumer.events.map(({ schema, table, after }) => [schema, table, after?.id]),
    [1, 3, 4, 6].map((id) => ['a.b', 'größe', id]),
  );
});

scenario('a_table_that_cannot_be_is_refused_by_name', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE things (id integer PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const refused = async (options: Parameters<typeof NativeConsumer.open>[2], status: number, says: RegExp) => {
    await assert.rejects(NativeConsumer.open(s, pulse, options), (reason) => {
      assert.ok(reason instanceof Refused, String(reason));
      assert.equal(reason.status, status);
      assert.match(reason.json().message ?? '', says);
      return true;
    });
  };
  await refused({ table: 'public.nothing' }, 404, /public\.nothing/);
  await refused({ table: 'nothing' }, 404, /nothing/);
  await refused({ table: 'public.' }, 400, /names no table/);
  await refused({ table: 'things', where: { create: { nome: 1 } } }, 400, /create\.nome/);
  await refused({ table: 'things', where: { create: { id: 'x' } } }, 400, /create\.id/);
  await refused({ table: 'things', model: {} } as never, 400, /a table and a model/);
});

scenario('tail_shows_native_events', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE things (id integer PRIMARY KEY, tags text[])');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const tailing = pulse.command(['tail', 'things', '--count', '1', '--json'], {
    PULSE_URL: pulse.adminUrl,
    PULSE_ADMIN_TOKEN: pulse.adminToken,
  });
  let done = false;
  void tailing.then(() => (done = true));
  // It shows what happens from the moment at which it is there, which nothing tells.
  for (let id = 1; !done; id++) {
    await postgres.sql(`INSERT INTO things VALUES (${id}, '{a,NULL}')`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { code, output } = await tailing;
  assert.equal(code, 0, output);
  const event = JSON.parse(output.trim().split('\n').at(-1) ?? '') as NativeEvent;
  assert.equal(event.table, 'things');
  assert.deepEqual(event.after?.tags, ['a', null]);
});
