// What one key, one table or any number of strangers can do holds nobody else up, and hides nothing from people.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';

import { Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { NativeConsumer } from '../harness/native.js';
import type { Pulse } from '../harness/pulse.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const beat = defineModel('Beat', 'beats', { id: 'Int' });
const article = defineModel('Article', 'articles', { id: 'Int', body: 'String' });

const peakBytes = (pulse: Pulse): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pulse.process.pid}/status`, 'utf8'))?.[1]) * 1024;

scenario('strangers_that_ask_nothing_keep_nobody_out', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE beats (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl(), env: { PULSE_CONNECTIONS: '200' } });
  const strangers: Socket[] = [];
  s.atEnd(() => strangers.forEach((one) => one.destroy()));
  for (let n = 0; n < 900; n++) {
    const port = n % 3 === 2 ? pulse.adminPort : pulse.listenPort;
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (n % 8)}` });
    socket.on('error', () => {});
    strangers.push(socket);
  }
  await until(
    'the longest idle to be closed',
    async () => (await pulse.metric('pulse_connections_idle_closed_total')) >= 400,
  );
  for (const url of [`http://127.0.0.1:${pulse.listenPort}/healthz`, `${pulse.adminUrl}/healthz`])
    assert.equal((await fetch(url)).status, 200);
  const { code } = await pulse.command(['streams', 'list'], pulse.adminAccess);
  assert.equal(code, 0);
  const consumer = await s.consumer(pulse, { model: beat, name: 'reader' });
  await postgres.sql('INSERT INTO beats VALUES (1)');
  await consumer.untilReceived(1);
});

scenario('filters_of_many_conditions_hold_no_other_stream_up', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE beats (id int PRIMARY KEY); CREATE TABLE articles (id int PRIMARY KEY, body text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const conditions = (count: number): Record<string, unknown>[] =>
    Array.from({ length: count }, (_, n) => ({ body: { contains: `none ${n}`, mode: 'insensitive' } }));
  await assert.rejects(
    s.consumer(pulse, { model: article, where: { create: { OR: conditions(501) } } }),
    (reason) => reason instanceof Refused && reason.status === 400 && /more than 500 conditions/.test(reason.body),
  );
  const end = { body: { endsWith: 'the end' } };
  const costly = await Promise.all(
    [1, 2, 3].map((n) =>
      s.consumer(pulse, { model: article, name: `costly ${n}`, where: { create: { OR: [...conditions(499), end] } } }),
    ),
  );
  const control = await s.consumer(pulse, { model: beat, name: 'control' });
  const healthMs: number[] = [];
  let asking = true;
  const asked = (async () => {
    while (asking) {
      const began = performance.now();
      assert.equal((await fetch(`${pulse.adminUrl}/healthz`)).status, 200);
      healthMs.push(performance.now() - began);
    }
  })();
  await postgres.sql(
    "INSERT INTO articles SELECT n, repeat(md5(n::text), 25000) || 'the end' FROM generate_series(1, 3) n",
  );
  for (let n = 1; n <= 100; n++) await postgres.sql(`INSERT INTO beats VALUES (${n})`);
  await control.untilReceived(100);
  s.note(`the others' events had come ${costly.map((one) => one.received).join(', ')} times by then`);
  await Promise.all(costly.map((one) => one.untilReceived(3)));
  asking = false;
  await asked;
  healthMs.sort((a, b) => a - b);
  s.note(
    `/healthz took ${healthMs.at(-1)?.toFixed(0)} ms at most, ${healthMs[healthMs.length >> 1]?.toFixed(1)} at the median`,
  );
  assert.ok((await pulse.metric('pulse_filter_interruptions_total')) > 0);
  assert.ok(peakBytes(pulse) < 300 << 20, `${peakBytes(pulse)} bytes of memory`);
});

scenario('types_that_double_at_each_level_are_text', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TYPE t0 AS (a int, b int)');
  for (let n = 1; n < 23; n++) await postgres.sql(`CREATE TYPE t${n} AS (a t${n - 1}, b t${n - 1})`);
  await postgres.sql('CREATE TABLE bombs (id int PRIMARY KEY, bomb t22, small t2)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const reader = await NativeConsumer.open(s, pulse, { table: 'bombs', name: 'reader' });
  await postgres.sql('INSERT INTO bombs VALUES (1, NULL, \'("(""(1,2)"",)",)\'), (2, \'(,)\', NULL)');
  await reader.untilReceived(2);
  const rows = reader.texts.map((text) => (JSON.parse(text) as { after: unknown }).after);
  assert.deepEqual(rows, [
    { id: 1, bomb: null, small: { a: { a: { a: 1, b: 2 }, b: null }, b: null } },
    { id: 2, bomb: '(,)', small: null },
  ]);
  assert.ok(statSync(join(pulse.dataFolder, 'projects', 'default', 'log', 'relations')).size < 1 << 20);
  assert.ok(peakBytes(pulse) < 300 << 20, `${peakBytes(pulse)} bytes of memory`);
  await pulse.kill();
  await pulse.start();
});

scenario('names_are_limited_listed_page_by_page_and_deleted', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE beats (id int PRIMARY KEY)');
  const most = 1100;
  const pulse = await s.pulse({ database: postgres.socketUrl(), env: { PULSE_NAMES: String(most) } });
  for (let n = 0; n < most; n += 50) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => (await s.consumer(pulse, { model: beat, name: `n${n + i}` })).close()),
    );
  }
  const refused = (name: string): Promise<unknown> =>
    s.consumer(pulse, { model: beat, name }).then(
      (one) => one.close(),
      (reason: unknown) => (reason instanceof Refused ? reason.status : reason),
    );
  assert.equal(await refused('one more'), 503);
  assert.equal(await refused('n7'), undefined, 'it is known');
  const page = (await pulse.admin('/v1/projects/default/streams')).body as { cursors: unknown[]; next?: string };
  assert.equal(page.cursors.length, 1000);
  const rest = (await pulse.admin(`/v1/projects/default/streams?after=${page.next}`)).body as typeof page;
  assert.deepEqual([rest.cursors.length, rest.next], [most - 1000, undefined]);
  const all = await pulse.command(['streams', 'list', '--json'], pulse.adminAccess);
  assert.equal((JSON.parse(all.output) as typeof page).cursors.length, most);
  assert.equal((await pulse.command(['streams', 'delete', 'beats', 'n7'], pulse.adminAccess)).code, 0);
  assert.equal(await refused('one more'), undefined);
});

scenario('a_new_key_says_when_it_was_made', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const before = Date.now();
  const { body } = await pulse.admin('/v1/projects/default/keys', { method: 'POST', body: { label: 'x' } });
  const made = body as { id: string; createdAt: string };
  assert.ok(Date.parse(made.createdAt) >= before - 1000, made.createdAt);
  const listed = (await pulse.admin('/v1/projects/default/keys')).body as { keys: { id: string; createdAt: string }[] };
  assert.equal(listed.keys.find(({ id }) => id === made.id)?.createdAt, made.createdAt);
});

scenario('nothing_that_others_have_named_reaches_a_terminal_as_a_command', async (s) => {
  const postgres = await s.postgres();
  const table = 'a\u001b[2J\nlevel=error b\u202e';
  await postgres.sql(`CREATE TABLE "${table}" (id int)`);
  await postgres.sql(`ALTER TABLE "${table}" REPLICA IDENTITY FULL`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await NativeConsumer.open(s, pulse, { table, schema: 'public', name: 'reader' });
  await assert.rejects(
    NativeConsumer.open(s, pulse, { table, schema: 'public', name: 'a\u001b[2J' }),
    (reason) => reason instanceof Refused && reason.status === 400,
  );
  await postgres.sql(`TRUNCATE "${table}"`);
  const list = await pulse.command(['streams', 'list'], pulse.adminAccess);
  await postgres.sql('CREATE TABLE "keyless\u001b[2J" (id int)');
  const doctor = await pulse.command(['doctor', '--database', postgres.socketUrl()]);
  const asJson = await pulse.command(['streams', 'list', '--json'], pulse.adminAccess);
  await until('its lag to be shown', async () => /pulse_stream_lag_bytes\{/.test(await pulse.metrics()));
  await until('the log to tell of it', () => /truncated/.test(pulse.process.output));
  const said = {
    list: list.output,
    doctor: doctor.output,
    json: asJson.output,
    log: pulse.process.output,
    metrics: await pulse.metrics(),
  };
  for (const [what, text] of Object.entries(said)) {
    assert.doesNotMatch(text, /[\u001b\u202e]|\nlevel=error/, what);
    if (what !== 'doctor') assert.match(text, /u001b\[2J/, what);
  }
  const { cursors } = JSON.parse(asJson.output) as { cursors: { table: string }[] };
  assert.equal(cursors[0]?.table, `public.${table}`, 'JSON says the same');
});

for (const transactional of [true, false]) {
  const kind = transactional ? 'transactional' : 'not_transactional';
  scenario(`a_logical_message_of_any_size_leaves_no_memory_behind_when_${kind}`, async (s) => {
    const postgres = await s.postgres({ settings: { fsync: 'off' } });
    await postgres.sql('CREATE TABLE beats (id int PRIMARY KEY)');
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const consumer = await s.consumer(pulse, { model: beat, name: 'reader' });
    const message = "'outbox', repeat('x', 80 * 1024 * 1024)";
    await postgres.sql(`SELECT pg_logical_emit_message(${transactional}, ${message})`);
    await postgres.sql('INSERT INTO beats VALUES (1)');
    await consumer.untilReceived(1);
    await until('the memory to be given back', () => pulse.process.memory().rssMib < 70);
    assert.ok(peakBytes(pulse) > 80 * 2 ** 20, 'the message has come');
    await postgres.sql('INSERT INTO beats VALUES (2)');
    await consumer.untilReceived(2);
    assert.equal(await pulse.metric('pulse_capture_connections_total'), 2, 'it comes once');
  });
}
