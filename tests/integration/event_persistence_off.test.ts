// Without event persistence nothing is stored: subscribe() works, stream() says why it does not, and no slot is left.
import assert from 'node:assert/strict';

import { type Consumer, Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int' });

scenario('subscribe_works_stream_gets_p6106_and_no_slot_is_left', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--event-persistence', 'off'] });

  for (const name of ['named', undefined]) {
    const refused = await s.consumer(pulse, { model: row, ...(name === undefined ? {} : { name }) }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(refused instanceof Refused);
    assert.equal(refused.json().code, 'P6106');
  }
  const consumer = await s.consumer(pulse, { model: row, path: '/subscribe' });
  await postgres.sql('INSERT INTO rows SELECT generate_series(1, 100)');
  await consumer.untilReceived(100);

  const slots = async (): Promise<unknown[]> =>
    (await postgres.sql('SELECT slot_name, temporary FROM pg_replication_slots')).rows;
  assert.ok((await slots()).every((slot) => (slot as { temporary: boolean }).temporary));
  await pulse.kill();
  await until('the slot to be gone', async () => (await slots()).length === 0);
});

scenario('a_burst_beyond_what_memory_keeps_ends_no_subscription_and_the_loss_is_counted', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, body text)');
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--event-persistence', 'off'] });
  const consumers: Consumer[] = [];
  for (let i = 0; i < 3; i++) {
    consumers.push(await s.consumer(pulse, { model: row, path: '/subscribe', keepFrames: false }));
  }
  const rows = 400_000;
  await postgres.sql(`INSERT INTO rows SELECT n, repeat('x', 200) FROM generate_series(1, ${rows}) n`);
  const list = async (): Promise<{ delivered: number; dropped: number }[]> => {
    const { output } = await pulse.command(['streams', 'list', '--json'], pulse.adminAccess);
    return (JSON.parse(output) as { streams: { delivered: number; dropped: number }[] }).streams;
  };
  await until('every row to be delivered or counted', async () =>
    (await list()).every(({ delivered, dropped }) => delivered + dropped === rows),
  );
  const streams = await list();
  assert.equal(streams.length, consumers.length);
  const delivered = streams.reduce((sum, stream) => sum + stream.delivered, 0);
  await until('what was sent', () => consumers.reduce((sum, { received }) => sum + received, 0) === delivered);
  assert.ok(consumers.every((consumer) => consumer.isOpen));
  assert.ok(delivered < consumers.length * rows, 'the burst was not large enough');
  await until('the count', async () => {
    return (await pulse.metric('pulse_subscribe_events_dropped_total')) === consumers.length * rows - delivered;
  });
  await until('the log to say so', () => /events dropped for slow subscribe\(\) consumers/.test(pulse.process.output));
});

scenario('switching_persistence_off_and_on_again_loses_nothing', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const before = await s.consumer(pulse, { model: row, name: 'reader' });
  await postgres.sql('INSERT INTO rows VALUES (1)');
  await before.untilReceived(1);
  await pulse.terminate();

  await pulse.start({ args: ['--event-persistence', 'off'] });
  const ephemeral = await s.consumer(pulse, { model: row, path: '/subscribe' });
  await postgres.sql('INSERT INTO rows VALUES (2)');
  await ephemeral.untilReceived(1);
  assert.match(pulse.process.output, /the earlier replication slot still exists/);
  await pulse.terminate();

  // What happened meanwhile was not stored, and the slot has kept it.
  await pulse.start();
  const after = await s.consumer(pulse, { model: row, name: 'reader' });
  await postgres.sql('INSERT INTO rows VALUES (3)');
  await until('the newest row', () => after.frames.at(-1)?.created?.['id'] === 3);
  assert.deepEqual(
    after.frames.map((frame) => frame.created?.['id']).filter((id) => id !== 1),
    [2, 3],
  );
  assert.deepEqual(await pulse.gaps(), []);
});
