// What a table is may change at any moment: a stream that opens is judged by what it is then, and those that are open go
// on. Each fact is changed in such a way that what was known before would accept a stream that gets nothing.
import assert from 'node:assert/strict';

import { type Consumer, Refused, rowOf } from '../harness/consumer.js';
import { defineModel, type Model } from '../harness/model.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const whole = defineModel('Fact', 'facts', { id: 'Int' });
const of = (fields: Record<string, string>): Model => defineModel('Fact', 'facts', { id: 'Int', ...fields });

async function refusalOf(s: Scenario, pulse: Pulse, model: Model, where: object): Promise<string> {
  try {
    const opened = await s.consumer(pulse, { model, where });
    await opened.close();
    return 'opened';
  } catch (reason) {
    assert.ok(reason instanceof Refused, String(reason));
    return `${reason.status} ${reason.body}`;
  }
}

interface Fact {
  name: string;
  sql: string;
  model: Model;
  where: object;
  refusal: RegExp;
  from?: number;
}

const facts: Fact[] = [
  {
    name: 'a column is gone',
    sql: 'ALTER TABLE facts DROP COLUMN gone',
    model: of({ gone: 'Int' }),
    where: { create: { gone: 1 } },
    refusal: /^400 .*gone/,
  },
  {
    name: 'a column has another type',
    sql: 'ALTER TABLE facts ALTER COLUMN turned TYPE uuid USING NULL',
    model: of({ turned: 'Int' }),
    where: { create: { turned: 1 } },
    refusal: /^400 .*turned/,
  },
  {
    name: 'a label of an enum is another one',
    sql: "ALTER TYPE mood RENAME VALUE 'so' TO 'thus'",
    model: of({ mood: 'String' }),
    where: { create: { mood: 'so' } },
    refusal: /^400 .*thus/,
  },
  {
    name: 'a label of the enum below a domain is another one',
    sql: "ALTER TYPE inner_mood RENAME VALUE 'so' TO 'thus'",
    model: of({ felt: 'String' }),
    where: { create: { felt: 'so' } },
    refusal: /^400 .*thus/,
  },
  {
    name: 'the replica identity has fewer columns',
    sql: 'ALTER TABLE facts REPLICA IDENTITY DEFAULT',
    model: of({ note: 'String' }),
    where: { delete: { note: 'x' } },
    refusal: /^400 .*replica identity/,
  },
  {
    name: 'the primary key is another one',
    sql: 'ALTER TABLE facts DROP CONSTRAINT facts_pkey, ADD PRIMARY KEY (other)',
    model: whole,
    where: { delete: { id: 1 } },
    refusal: /^400 .*replica identity/,
  },
  {
    name: 'the identity is an index',
    sql: 'CREATE UNIQUE INDEX facts_third ON facts (third); ALTER TABLE facts REPLICA IDENTITY USING INDEX facts_third',
    model: of({ other: 'Int' }),
    where: { delete: { other: 1 } },
    refusal: /^400 .*replica identity/,
  },
  {
    name: 'the table is a partition',
    sql: 'CREATE TABLE above (LIKE facts) PARTITION BY RANGE (id); ALTER TABLE above ATTACH PARTITION facts DEFAULT',
    model: whole,
    where: { create: {} },
    refusal: /^404 .*above/,
    from: 13,
  },
];

scenario('a_stream_that_opens_is_judged_by_the_table_as_it_is_then', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`
    CREATE TYPE mood AS ENUM ('so', 'else'); CREATE TYPE inner_mood AS ENUM ('so', 'else'); CREATE DOMAIN felt AS inner_mood;
    CREATE TABLE facts (id int PRIMARY KEY, gone int, turned int, mood mood, felt felt, note text, other int NOT NULL DEFAULT 0,
                        third int NOT NULL DEFAULT 0);
    ALTER TABLE facts REPLICA IDENTITY FULL`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const open = await s.consumer(pulse, { model: whole, name: 'open' });
  let written = 0;
  for (const fact of facts.filter(({ from = 0 }) => postgresMajor >= from)) {
    await postgres.sql(`INSERT INTO facts (id, other, third) VALUES (${++written}, ${written}, ${written})`);
    await open.untilReceived(written);
    const before = await refusalOf(s, pulse, fact.model, fact.where);
    assert.equal(before, 'opened', fact.name);
    const reads = await pulse.metric('pulse_catalog_reads_total', { what: 'whole' });
    await postgres.sql(fact.sql);
    assert.match(await refusalOf(s, pulse, fact.model, fact.where), fact.refusal, fact.name);
    // Of a table that is known only what it rests on is read.
    if (!fact.refusal.source.startsWith('^404'))
      assert.equal(await pulse.metric('pulse_catalog_reads_total', { what: 'whole' }), reads, fact.name);
  }
  assert.deepEqual(
    open.frames.map((frame) => rowOf(frame).id),
    Array.from({ length: written }, (_, n) => n + 1),
  );
});

scenario('a_table_taken_out_of_ones_own_publication_is_refused_at_once', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE facts (id int PRIMARY KEY); CREATE PUBLICATION own FOR TABLE facts');
  const pulse = await s.pulse({ database: postgres.socketUrl(), env: { PULSE_PUBLICATION: 'own' } });
  await (await s.consumer(pulse, { model: whole, name: 'reader' })).close();
  await postgres.sql('ALTER PUBLICATION own DROP TABLE facts; INSERT INTO facts VALUES (1)');
  assert.match(await refusalOf(s, pulse, whole, {}), /^404 .*ALTER PUBLICATION/);
  await postgres.sql("ALTER PUBLICATION own ADD TABLE facts; ALTER PUBLICATION own SET (publish = 'delete')");
  assert.match(await refusalOf(s, pulse, whole, { create: {} }), /^400 .*insert/);
});

scenario('a_name_stands_for_the_table_that_has_it_when_a_stream_opens', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE facts (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await (await s.consumer(pulse, { model: whole })).close();
  // Nothing is written, so that nothing else tells of it.
  await postgres.sql('ALTER TABLE facts RENAME TO past');
  assert.match(await refusalOf(s, pulse, whole, {}), /^404 /);
  await postgres.sql('CREATE TABLE facts (id int PRIMARY KEY, young int)');
  assert.equal(await refusalOf(s, pulse, of({ young: 'Int' }), { create: { young: 1 } }), 'opened');
  await postgres.sql(
    'BEGIN; ALTER TABLE facts RENAME TO t; ALTER TABLE past RENAME TO facts; ALTER TABLE t RENAME TO past; COMMIT',
  );
  assert.match(await refusalOf(s, pulse, of({ young: 'Int' }), { create: { young: 1 } }), /^400 .*young/);
  await postgres.sql('DROP TABLE facts; ALTER TABLE past RENAME TO facts');
  assert.equal(await refusalOf(s, pulse, of({ young: 'Int' }), { create: { young: 1 } }), 'opened');
});

const ids = (consumer: Consumer): unknown[] => consumer.frames.map((frame) => rowOf(frame).id);

// A table, and one that it can become a partition of.
async function attachable(s: Scenario): Promise<{ postgres: Postgres; pulse: Pulse }> {
  const postgres = await s.postgres();
  await postgres.sql(
    'CREATE TABLE facts (id int PRIMARY KEY); CREATE TABLE above (id int PRIMARY KEY) PARTITION BY RANGE (id)',
  );
  return { postgres, pulse: await s.pulse({ database: postgres.socketUrl() }) };
}

async function readFirst(postgres: Postgres, consumer: Consumer): Promise<void> {
  await postgres.sql('INSERT INTO facts VALUES (1)');
  await consumer.untilReceived(1);
  await consumer.ping();
  await consumer.close();
}

scenario(
  'what_was_captured_before_a_table_became_a_partition_is_delivered_and_then_told',
  async (s) => {
    const { postgres, pulse } = await attachable(s);
    const above = await s.consumer(pulse, { model: defineModel('Above', 'above', { id: 'Int' }), name: 'reader' });
    const first = await s.consumer(pulse, { model: whole, name: 'reader' });
    const staying = await s.consumer(pulse, { model: whole, name: 'staying' });
    await readFirst(postgres, first);
    await postgres.sql('INSERT INTO facts VALUES (2)');
    await staying.untilReceived(2);
    await postgres.sql('ALTER TABLE above ATTACH PARTITION facts DEFAULT; INSERT INTO above VALUES (3)');
    await above.untilReceived(1);
    assert.deepEqual(ids(above), [3]);
    const reader = await s.consumer(pulse, { model: whole, name: 'reader' });
    await reader.untilReceived(1);
    assert.deepEqual(ids(reader), [2]);
    for (const consumer of [reader, staying]) await until('the stream to end', () => consumer.closes.length !== 0);
    await assert.rejects(s.consumer(pulse, { model: whole, name: 'reader' }), (why: Refused) => {
      assert.deepEqual([why.status, why.json().code], [409, 'P6100'], why.body);
      assert.match(why.body, /has become a partition/);
      return true;
    });
    // A name that has never been there has nothing to come.
    await assert.rejects(s.consumer(pulse, { model: whole, name: 'new' }), (why: Refused) => why.status === 404);
    await pulse.kill();
    await pulse.start();
    await postgres.sql('ALTER TABLE above DETACH PARTITION facts');
    const gap = await until('the gap to end', async () => (await pulse.gaps()).find(({ through }) => through !== null));
    await postgres.sql('INSERT INTO facts VALUES (4)');
    await pulse.acceptGap(gap.id);
    const again = await s.consumer(pulse, { model: whole, name: 'reader' });
    await again.untilReceived(1);
    assert.deepEqual(ids(again), [4]);
  },
  { from: 14 },
);

scenario(
  'a_table_attached_while_pulse_is_away_is_told_too',
  async (s) => {
    const { postgres, pulse } = await attachable(s);
    const first = await s.consumer(pulse, { model: whole, name: 'reader' });
    await readFirst(postgres, first);
    // In order, so that the acknowledgement is stored: after a kill the row may come again.
    await pulse.terminate();
    await postgres.sql(
      'INSERT INTO facts VALUES (2); ALTER TABLE above ATTACH PARTITION facts DEFAULT; INSERT INTO facts VALUES (3)',
    );
    await pulse.start();
    const reader = await s.consumer(pulse, { model: whole, name: 'reader' });
    await until('the stream to end', () => reader.closes.length !== 0);
    assert.deepEqual(ids(reader), [2]);
  },
  { from: 13 },
);

// Neither messages nor a row of either table tell: the look at the publications, once a second, does.
scenario(
  'a_table_attached_by_a_plain_role_is_told_though_nothing_is_written',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`CREATE ROLE pulse LOGIN REPLICATION; GRANT CREATE ON DATABASE postgres TO pulse;
      GRANT ALL ON SCHEMA public TO pulse; SET ROLE pulse; CREATE TABLE facts (id int PRIMARY KEY);
      CREATE TABLE above (id int PRIMARY KEY) PARTITION BY RANGE (id)`);
    const pulse = await s.pulse({ database: postgres.url('postgres', 'pulse') });
    const reader = await s.consumer(pulse, { model: whole, name: 'reader' });
    await postgres.sql('INSERT INTO facts VALUES (1)');
    await reader.untilReceived(1);
    await postgres.sql('SET ROLE pulse; ALTER TABLE above ATTACH PARTITION facts DEFAULT');
    await until('the stream to end', () => reader.closes.length !== 0);
    assert.match(JSON.stringify(await pulse.gaps()), /has become a partition/);
  },
  { from: 13 },
);
