// Consumers that never read and consumers that never acknowledge: the server's memory stays bounded and the others get
// everything. That the others are not slowed down is measured by isolation_bench.ts.
import assert from 'node:assert/strict';

import type { Consumer } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const event = defineModel('Event', 'events', { id: 'Int', body: 'String' });
const windowEventsMax = 1024;
const windowBytesMax = 4 << 20;

async function prepare(s: Scenario, env: Record<string, string> = {}): Promise<{ postgres: Postgres; pulse: Pulse }> {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE events (id int PRIMARY KEY, body text NOT NULL)');
  // A paused consumer answers no ping either, and must not be dropped for that here.
  const patient = { PULSE_SILENCE_TIMEOUT: '10m', ...env };
  return { postgres, pulse: await s.pulse({ database: postgres.socketUrl(), env: patient }) };
}

// `count` rows of about `bytes` each that do not compress, in transactions of 500.
async function insert(postgres: Postgres, first: number, count: number, bytes: number): Promise<void> {
  const client = await postgres.connect();
  const hashes = Math.ceil(bytes / 32);
  for (let from = first; from < first + count; from += 500) {
    await client.query(
      `INSERT INTO events
       SELECT n, (SELECT string_agg(md5(n::text || '/' || piece::text), '') FROM generate_series(1, ${hashes}) piece)
       FROM generate_series($1::int, $2::int) n`,
      [from, Math.min(from + 500, first + count) - 1],
    );
  }
  await client.end();
}

scenario(
  'consumers_that_stall_cost_nobody_else_and_bounded_memory',
  async (s) => {
    const { postgres, pulse } = await prepare(s);
    const count = 40_000;
    const bytes = 1600;
    const bad: Record<string, Consumer> = {};
    for (const ack of ['each', 'none'] as const) {
      const kind = ack === 'each' ? 'never reads' : 'never acknowledges';
      bad[`named, ${kind}`] = await s.consumer(pulse, { model: event, name: `bad-${ack}`, ack, keepFrames: false });
      bad[`unnamed, ${kind}`] = await s.consumer(pulse, { model: event, ack, keepFrames: false });
      bad[`subscribe(), ${kind}`] = await s.consumer(pulse, {
        model: event,
        path: '/subscribe',
        ack,
        keepFrames: false,
      });
    }
    for (const [kind, consumer] of Object.entries(bad)) if (kind.endsWith('reads')) consumer.pause();
    const good = [
      await s.consumer(pulse, { model: event, name: 'good', keepFrames: false }),
      await s.consumer(pulse, { model: event, keepFrames: false }),
      await s.consumer(pulse, { model: event, path: '/subscribe', keepFrames: false }),
    ];

    // Enough of everything has run once before memory is looked at.
    await insert(postgres, 1, 4000, bytes);
    await Promise.all(good.map((consumer) => consumer.untilReceived(4000, 60_000)));
    const before = pulse.process.memory();
    await insert(postgres, 4001, count, bytes);
    await Promise.all(good.map((consumer) => consumer.untilReceived(4000 + count, 120_000)));
    const after = pulse.process.memory();
    s.note(
      `${Math.round((count * bytes) / 2 ** 20)} MiB of events; server before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`,
    );
    // Each stream may hold its unsent bytes, the log its newest blocks; none of it grows with what was written.
    assert.ok(after.peakMib - before.rssMib < 48, 'the peak did not grow with the backlog');

    for (const kind of ['named', 'unnamed']) {
      const stalled = bad[`${kind}, never acknowledges`] as Consumer;
      assert.ok(
        stalled.received <= windowEventsMax,
        `${kind}: ${stalled.received} events sent without an acknowledgement`,
      );
      assert.ok(stalled.received * bytes <= windowBytesMax);
      assert.ok(stalled.received > 0);
    }
    const ephemeral = bad['subscribe(), never acknowledges'] as Consumer;
    await ephemeral.untilReceived(4000 + count);
  },
  { timeoutMs: 300_000 },
);

scenario('consumers_that_flood_or_die_cost_nobody_else_and_bounded_memory', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const good = await s.consumer(pulse, { model: event, name: 'good', keepFrames: false });
  const flooding = await Promise.all(
    [1, 2, 3].map((n) => s.consumer(pulse, { model: event, name: `flood-${n}`, ack: 'none', keepFrames: false })),
  );
  const before = pulse.process.memory();
  // Acknowledgements of what never was, what is no message of the protocol, and pings, as fast as they go out.
  let ends = false;
  let told = 0;
  const nextId = (): string => `01M84XND87${String(++told).padStart(16, '0')}`;
  const flood = (async () => {
    while (!ends) {
      for (const consumer of flooding) {
        for (let n = 0; n < 200; n++) consumer.acknowledge(nextId());
        for (let n = 0; n < 50; n++) consumer.sendRaw('{"type":"noise","of":"a consumer"}');
        await consumer.ping();
      }
    }
  })();
  for (let first = 1; first < 10_000; first += 1000) {
    // Dies with events in hand, and comes again under its name.
    const dying = await s.consumer(pulse, { model: event, name: 'dies', ack: 'manual', keepFrames: false });
    await insert(postgres, first, 1000, 200);
    await dying.untilReceived(1);
    dying.terminate();
  }
  await good.untilReceived(10_000, 60_000);
  ends = true;
  await flood;
  for (const counter of ['pulse_acknowledgements_unknown_total', 'pulse_client_messages_ignored_total']) {
    await until(`${counter} to tell of it`, async () => (await pulse.metric(counter)) > 500);
  }
  for (const consumer of flooding) assert.ok(consumer.isOpen && consumer.received <= windowEventsMax);
  assert.ok(pulse.process.memory().peakMib - before.rssMib < 48, 'the peak did not grow with what came in');
});

scenario('a_stalled_stream_goes_on_when_it_acknowledges', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const consumer = await s.consumer(pulse, { model: event, name: 'late', ack: 'manual' });
  await insert(postgres, 1, 5000, 32);
  await consumer.untilReceived(windowEventsMax);
  let acknowledged = 0;
  await until('all 5000 events', () => {
    for (; acknowledged < consumer.frames.length; acknowledged++) {
      consumer.acknowledge((consumer.frames[acknowledged] as { id: string }).id);
    }
    return acknowledged === 5000;
  });
  assert.deepEqual(
    consumer.frames.map((frame) => frame.created?.['id']),
    Array.from({ length: 5000 }, (_, index) => index + 1),
  );
});

scenario('a_consumer_that_never_acknowledges_makes_way_for_the_one_that_waits', async (s) => {
  const { postgres, pulse } = await prepare(s, { PULSE_STALL_TIMEOUT: '2s' });
  const stuck = await s.consumer(pulse, { model: event, name: 'mail', ack: 'none' });
  const alone = await s.consumer(pulse, { model: event, name: 'report', ack: 'none' });
  await insert(postgres, 1, 3000, 32);
  await Promise.all([stuck, alone].map((consumer) => consumer.untilReceived(windowEventsMax)));
  await until('both to be counted', async () => (await pulse.metric('pulse_streams_stalled')) === 2);

  const standby = await s.consumer(pulse, { model: event, name: 'mail' });
  await standby.untilReceived(3000);
  assert.deepEqual(
    standby.frames.map((frame) => frame.created?.['id']),
    Array.from({ length: 3000 }, (_, index) => index + 1),
  );
  assert.deepEqual(
    stuck.frames.map((frame) => frame.id),
    standby.frames.slice(0, windowEventsMax).map((frame) => frame.id),
  );
  await until('the stuck one to be told', () => stuck.lastClose !== undefined);
  assert.equal(stuck.lastClose?.code, 1013);
  assert.match(stuck.lastClose?.reason ?? '', /nothing was acknowledged for \d+ s, and another consumer waits/);
  assert.ok(alone.isOpen, 'nobody waits for the other name');
  assert.equal(await pulse.metric('pulse_streams_stalled_ended_total'), 1);
  assert.match(pulse.process.output, /warn.*acknowledged nothing.*stream=mail/);
});

scenario('a_consumer_that_reads_late_gets_everything_from_the_log', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const consumer = await s.consumer(pulse, { model: event, name: 'sleeper' });
  consumer.pause();
  const other = await s.consumer(pulse, { model: event, name: 'awake', keepFrames: false });
  await insert(postgres, 1, 20_000, 320);
  await other.untilReceived(20_000, 60_000);
  assert.equal(consumer.received, 0);
  consumer.resume();
  await consumer.untilReceived(20_000, 60_000);
  assert.deepEqual(
    consumer.frames.map((frame) => frame.created?.['id']),
    Array.from({ length: 20_000 }, (_, index) => index + 1),
  );
});

scenario('subscribe_that_cannot_keep_up_loses_events_and_the_loss_is_counted', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const consumer = await s.consumer(pulse, { model: event, path: '/subscribe', keepFrames: false });
  const other = await s.consumer(pulse, { model: event, name: 'awake', keepFrames: false });
  consumer.pause();
  await insert(postgres, 1, 20_000, 1600);
  await other.untilReceived(20_000, 60_000);
  const dropped = (): Promise<number> => pulse.metric('pulse_subscribe_events_dropped_total');
  assert.ok((await dropped()) > 0, 'it lost events');
  consumer.resume();
  await until('what has come and what was counted as lost to be all', async () => {
    return consumer.received + (await dropped()) === 20_000;
  });
});

scenario('pings_are_answered_at_once_under_load', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const consumer = await s.consumer(pulse, { model: event, ack: 'none', keepFrames: false });
  const busy = await s.consumer(pulse, { model: event, name: 'busy', keepFrames: false });
  const writing = insert(postgres, 1, 20_000, 320);
  let pings = 0;
  while (busy.received < 20_000) {
    // The official client gives up after one second.
    const began = Date.now();
    await consumer.ping();
    assert.ok(Date.now() - began < 1000, 'a pong within the second that the client waits');
    pings++;
  }
  await writing;
  s.note(`${pings} pings`);
});
