// Measures what consumers in trouble cost the others: runs with and without six of them (named, unnamed and subscribe();
// each never reading or never acknowledging), interleaved, and prints the ratios of the medians.
//
//   node build/ts/tests/integration/isolation_bench.js [--events N] [--runs N] [--json]
import { parseArgs } from 'node:util';

import type { Consumer, Frame } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { Postgres } from '../harness/postgres.js';
import { Pulse } from '../harness/pulse.js';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    runs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const events = Number(values.events);
const runs = Number(values.runs);
const event = defineModel('Event', 'events', { id: 'BigInt', sentAt: 'BigInt @sent_at', body: 'String' });

interface Figures {
  // Of the good consumers together, from the first insert to their last event.
  events_per_s: number;
  // From clock_timestamp() in the inserting statement to the consumer's callback, while 200 rows a second are written.
  latency_p50_ms: number;
  latency_p99_ms: number;
  server_rss_peak_mib: number;
}

async function insertBulk(postgres: Postgres, count: number): Promise<void> {
  const client = await postgres.connect();
  for (let first = 1; first <= count; first += 100) {
    await client.query(
      `INSERT INTO events SELECT n, 0, md5(n::text) || md5((n + 1)::text) || repeat('x', 100)
       FROM generate_series($1::bigint, $2::bigint) n`,
      [first, Math.min(first + 99, count)],
    );
  }
  await client.end();
}

async function insertPaced(postgres: Postgres, count: number, everyMs: number): Promise<void> {
  const client = await postgres.connect();
  const began = Date.now();
  for (let n = 1; n <= count; n++) {
    const due = began + n * everyMs - Date.now();
    if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
    await client.query('INSERT INTO events VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint, $2)', [
      -n,
      'paced',
    ]);
  }
  await client.end();
}

const percentile = (sorted: number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
const median = (list: number[]): number =>
  percentile(
    [...list].sort((a, b) => a - b),
    0.5,
  );

async function measure(trouble: boolean): Promise<Figures> {
  const postgres = await Postgres.start();
  await postgres.sql('CREATE TABLE events (id bigint PRIMARY KEY, sent_at bigint NOT NULL, body text NOT NULL)');
  const pulse = await Pulse.start({ database: postgres.socketUrl() });
  const opened: Consumer[] = [];
  const latencies: number[] = [];
  const onFrame = (frame: Frame): void => {
    const sentAt = Number((frame.created?.['sentAt'] as { value: string }).value);
    if (sentAt > 0) latencies.push(Date.now() - sentAt / 1000);
  };
  try {
    if (trouble) {
      for (const ack of ['each', 'none'] as const) {
        for (const shape of [{ name: `bad-${ack}` }, {}, { path: '/subscribe' as const }]) {
          const bad = await pulse.consume({ model: event, ack, keepFrames: false, ...shape });
          // A consumer that never acknowledges would cost this process time if it read subscribe()'s events.
          if (ack === 'each' || 'path' in shape) bad.pause();
          opened.push(bad);
        }
      }
    }
    const good = [
      await pulse.consume({ model: event, name: 'good', keepFrames: false, onFrame }),
      await pulse.consume({ model: event, keepFrames: false, onFrame }),
    ];
    opened.push(...good);
    const began = process.hrtime.bigint();
    await insertBulk(postgres, events);
    await Promise.all(good.map((consumer) => consumer.untilReceived(events, 300_000)));
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    const paced = 1000;
    await insertPaced(postgres, paced, 5);
    await Promise.all(good.map((consumer) => consumer.untilReceived(events + paced, 60_000)));
    latencies.sort((a, b) => a - b);
    return {
      events_per_s: events / seconds,
      latency_p50_ms: percentile(latencies, 0.5),
      latency_p99_ms: percentile(latencies, 0.99),
      server_rss_peak_mib: pulse.process.memory().peakMib,
    };
  } finally {
    for (const consumer of opened) consumer.terminate();
    await pulse.remove();
    await postgres.remove();
  }
}

const control: Figures[] = [];
const troubled: Figures[] = [];
for (let run = 1; run <= runs; run++) {
  control.push(await measure(false));
  troubled.push(await measure(true));
  if (!values.json) console.log(`run ${run} of ${runs}`, { control: control.at(-1), troubled: troubled.at(-1) });
}
const of = (list: Figures[], field: keyof Figures): number => median(list.map((figures) => figures[field]));
const round = (value: number): number => Math.round(value * 1000) / 1000;
const report = {
  events_per_s: round(of(troubled, 'events_per_s')),
  control_events_per_s: round(of(control, 'events_per_s')),
  throughput_ratio: round(of(troubled, 'events_per_s') / of(control, 'events_per_s')),
  latency_p50_ms: round(of(troubled, 'latency_p50_ms')),
  control_latency_p50_ms: round(of(control, 'latency_p50_ms')),
  latency_p99_ms: round(of(troubled, 'latency_p99_ms')),
  control_latency_p99_ms: round(of(control, 'latency_p99_ms')),
  server_rss_peak_mib: round(of(troubled, 'server_rss_peak_mib')),
  control_server_rss_peak_mib: round(of(control, 'server_rss_peak_mib')),
  runs,
};
console.log(JSON.stringify(report));
process.exit(0);
