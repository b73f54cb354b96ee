// SIGTERM ends the server in order: within seconds, with exit code 0, told to its consumers, and nothing lost.
import assert from 'node:assert/strict';

import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';
import { SteadyWriter } from '../harness/steady_writer.js';
import { sleep, until } from '../harness/wait.js';

const note = defineModel('Note', 'notes', { id: 'Int', text: 'String' });

scenario('sigterm_under_load_ends_with_zero_and_the_stream_resumes', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const consumer = await s.consumer(pulse, { model: note, name: 'reader', reconnect: true });

  const insert = "INSERT INTO notes SELECT n, 'text' FROM generate_series($1::int, $2::int) n";
  const writer = new SteadyWriter(postgres, insert, { rows: 20, pauseMs: 2 });
  s.atEnd(() => writer.stop());

  for (let round = 1; round <= 3; round++) {
    await consumer.untilReceived(consumer.received + 500);
    const began = Date.now();
    const ended = await pulse.terminate(10_000);
    s.note(`round ${round}: ended after ${Date.now() - began} ms`);
    assert.deepEqual(ended, { code: 0, signal: null });
    await until('the consumer to be told', () => consumer.closes.length === round);
    assert.equal(consumer.lastClose?.code, 1001);
    await pulse.start();
  }
  await writer.stop();

  const first = new Map<unknown, string>();
  await until('every row', () => {
    for (const frame of consumer.frames) first.set(frame.created?.['id'], first.get(frame.created?.['id']) ?? frame.id);
    return first.size === writer.written;
  });
  assert.deepEqual([...first.keys()], writer.numbers);
  for (const frame of consumer.frames) assert.equal(frame.id, first.get(frame.created?.['id']), 'the id it had');
  s.note(`${writer.written} rows, ${consumer.frames.length - writer.written} redelivered`);
});

scenario('sigterm_at_any_moment_of_a_hand_over_ends_it', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  for (let round = 1; round <= 15; round++) {
    pulse.process.signal('SIGUSR2');
    const wait = s.random.between(0, 300);
    await sleep(wait);
    const ended = await pulse.terminate(15_000);
    s.note(`round ${round}: after ${wait} ms it ended with ${ended.code ?? ended.signal}`);
    assert.ok(ended.code === 0 || ended.signal === 'SIGTERM', JSON.stringify(ended));
    await pulse.start();
  }
});

scenario('sigterm_while_the_database_is_down_ends_with_zero', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await postgres.stop('immediate');
  assert.deepEqual(await pulse.terminate(10_000), { code: 0, signal: null });
});

scenario('sigterm_with_a_consumer_that_never_reads_ends_with_zero', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const consumer = await s.consumer(pulse, { model: note, ack: 'none' });
  const healthy = await s.consumer(pulse, { model: note, ack: 'each' });
  consumer.pause();
  await postgres.sql('INSERT INTO notes SELECT n, repeat(md5(n::text), 60) FROM generate_series(1, 5000) n');
  await healthy.untilReceived(5000);
  assert.deepEqual(await pulse.terminate(15_000), { code: 0, signal: null });
});

scenario('sigterm_while_the_database_does_not_answer_saves_the_cursors_in_time', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  const proxy = await s.proxy(postgres.port);
  await proxy.open();
  // Saved at the end, or not at all.
  const env = { PULSE_CURSOR_FLUSH: '60s' };
  const pulse = await s.pulse({ database: `postgresql://postgres@127.0.0.1:${proxy.port}/postgres`, env });
  const consumer = await s.consumer(pulse, { model: note, name: 'reader', reconnect: true });
  await postgres.sql("INSERT INTO notes VALUES (1, 'first')");
  await consumer.untilReceived(1);
  await until('the acknowledgement', async () => (await pulse.metric('pulse_events_acknowledged_total')) === 1);
  // A connection that is made gets no answer for ten seconds.
  proxy.stall();
  proxy.cut();
  await until('capture to connect again', async () => (await pulse.capture()).state === 'connecting');
  assert.deepEqual(await pulse.terminate(8_000), { code: 0, signal: null });
  await proxy.close();
  proxy.resume();
  await proxy.open();
  await pulse.start();
  await postgres.sql("INSERT INTO notes VALUES (2, 'second')");
  await consumer.untilReceived(2);
  assert.deepEqual(
    consumer.frames.map((frame) => frame.created?.['id']),
    [1, 2],
    'none twice',
  );
});

scenario('sigterm_while_the_database_leaves_a_question_unanswered_ends_with_zero', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  const proxy = await s.proxy(postgres.port);
  await proxy.open();
  const pulse = await s.pulse({ database: `postgresql://postgres@127.0.0.1:${proxy.port}/postgres` });
  await pulse.capturing();
  // The next connection is made, by the last messages that it is greeted with, and then nothing more is answered.
  let stalled = false;
  proxy.tamper = (message) => {
    if (stalled || message[0] !== 'K'.charCodeAt(0)) return;
    stalled = true;
    proxy.stall();
  };
  await postgres.sql(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pulse %' AND backend_type = 'client backend'",
  );
  await until('Pulse to ask on another connection', () => stalled);
  assert.equal((await pulse.capture()).state, 'streaming', 'beside the stream of changes');
  assert.deepEqual(await pulse.terminate(8_000), { code: 0, signal: null });
});
