// Measures what everything that strangers, one key and one table's owner can do costs the others, all at once: ten thousand
// idle connections from ten addresses that come back when they are closed, floods of headers and of wrong keys, names
// without end, filters of 500 conditions on rows of 800 KB, and a type of doubled composites. Runs with and without them,
// interleaved.
//
//   node build/ts/tests/integration/attacks_bench.js [--seconds N] [--runs N] [--only ATTACK]... [--json]
import { type ChildProcess, fork } from 'node:child_process';
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Consumer, type Frame } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { Postgres } from '../harness/postgres.js';
import { Pulse } from '../harness/pulse.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    runs: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    attack: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const runs = Number(values.runs);
const beat = defineModel('Beat', 'beats', { id: 'BigInt', sentAt: 'BigInt @sent_at' });
const article = defineModel('Article', 'articles', { id: 'Int', body: 'String' });

interface Target {
  url: string;
  host: string;
  streams: number;
  admin: number;
  apiKey: string;
}

const forever = async (work: (turn: number) => Promise<unknown>): Promise<never> => {
  for (let turn = 0; ; turn++) await work(turn).catch(() => new Promise((resolve) => setTimeout(resolve, 10)));
};

// One connection, on which `text` is sent; until it is closed.
const send = (port: number, localAddress: string, text: string): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () => socket.write(text));
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => resolve());
  });

const attacks: Record<string, (target: Target) => void> = {
  strangers(target) {
    for (let n = 0; n < 10_000; n++)
      void forever(async () => {
        await send(n % 2 === 0 ? target.streams : target.admin, `127.0.1.${1 + (n % 10)}`, '');
        await new Promise((resolve) => setTimeout(resolve, 1000));
      });
  },
  headers(target) {
    const flood = `GET /healthz HTTP/1.1\r\nhost: localhost\r\n${'a:\r\n'.repeat(260_000)}\r\n`;
    for (let n = 0; n < 4; n++) void forever(() => send(target.streams, `127.0.2.${1 + n}`, flood));
  },
  keys(target) {
    const wrong = (port: number, path: string): Promise<void> =>
      send(
        port,
        '127.0.3.1',
        `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\nconnection: close\r\n\r\n`,
      );
    for (let n = 0; n < 4; n++) {
      void forever(() => wrong(target.streams, '/stream'));
      void forever(() => wrong(target.admin, '/v1/projects'));
    }
  },
  names(target) {
    void forever(async (turn) => {
      const one = await Consumer.open({ url: target.url, apiKey: target.apiKey, model: beat, name: `flood ${turn}` });
      await one.close();
    });
  },
  filters(target) {
    const conditions = Array.from({ length: 500 }, (_, n) => ({
      body: { contains: `none ${n}`, mode: 'insensitive' },
    }));
    for (let n = 0; n < 3; n++) {
      void Consumer.open({
        url: target.url,
        apiKey: target.apiKey,
        model: article,
        name: `costly ${n}`,
        where: { create: { OR: conditions } },
      });
    }
  },
};

function attack(postgres: Postgres, pulse: Pulse): () => void {
  const target: Target = {
    url: pulse.url,
    host: '127.0.0.1',
    streams: pulse.listenPort,
    admin: pulse.adminPort,
    apiKey: pulse.apiKey,
  };
  const children: ChildProcess[] = (values.only ?? Object.keys(attacks)).map((name) => {
    const child = fork(fileURLToPath(import.meta.url), ['--attack', name], { stdio: 'ignore' });
    child.send(target);
    return child;
  });
  let going = true;
  void (async () => {
    for (let id = 1; going; id++) {
      await postgres.sql(`INSERT INTO articles SELECT ${id}, repeat(md5('${id}'), 25000)`);
      await postgres.sql(`INSERT INTO bombs VALUES (${id}, '(,)')`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  })().catch(() => {});
  return () => {
    going = false;
    for (const child of children) child.kill('SIGKILL');
  };
}

interface Figures {
  latency_p50_ms: number;
  latency_p99_ms: number;
  healthz_p50_ms: number;
  healthz_max_ms: number;
  command_max_ms: number;
  server_rss_peak_mib: number;
}

const percentile = (list: number[], part: number): number => {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
};

async function measure(attacked: boolean): Promise<Figures> {
  const postgres = await Postgres.start();
  await postgres.sql(`CREATE TABLE beats (id bigint PRIMARY KEY, sent_at bigint NOT NULL);
    CREATE TABLE articles (id int PRIMARY KEY, body text); CREATE TYPE t0 AS (a int, b int)`);
  for (let n = 1; n < 23; n++) await postgres.sql(`CREATE TYPE t${n} AS (a t${n - 1}, b t${n - 1})`);
  await postgres.sql('CREATE TABLE bombs (id int PRIMARY KEY, bomb t22)');
  const pulse = await Pulse.start({ database: postgres.socketUrl() });
  const latencies: number[] = [];
  const healthz: number[] = [];
  const commands: number[] = [];
  const control = await pulse.consume({
    model: beat,
    name: 'control',
    keepFrames: false,
    onFrame: (frame: Frame) => {
      latencies.push(Date.now() - Number((frame.created?.['sentAt'] as { value: string }).value) / 1000);
    },
  });
  const stop = attacked ? attack(postgres, pulse) : (): void => {};
  try {
    // Until the attackers are in full swing.
    await new Promise((resolve) => setTimeout(resolve, attacked ? 10_000 : 1000));
    const end = Date.now() + seconds * 1000;
    const every = async (ms: number, work: () => Promise<unknown>, taken: number[]): Promise<void> => {
      while (Date.now() < end) {
        const began = performance.now();
        await work();
        taken.push(performance.now() - began);
        await new Promise((resolve) => setTimeout(resolve, ms));
      }
    };
    const client = await postgres.connect();
    let written = 0;
    await Promise.all([
      every(
        5,
        () =>
          client.query('INSERT INTO beats VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint)', [
            ++written,
          ]),
        [],
      ),
      every(50, async () => (await fetch(`${pulse.adminUrl}/healthz`)).text(), healthz),
      every(1000, () => pulse.command(['streams', 'list'], pulse.adminAccess), commands),
    ]);
    await client.end();
    await control.untilReceived(written, 60_000);
    return {
      latency_p50_ms: percentile(latencies, 0.5),
      latency_p99_ms: percentile(latencies, 0.99),
      healthz_p50_ms: percentile(healthz, 0.5),
      healthz_max_ms: Math.max(...healthz),
      command_max_ms: Math.max(...commands),
      server_rss_peak_mib: pulse.process.memory().peakMib,
    };
  } finally {
    stop();
    control.terminate();
    await pulse.remove();
    await postgres.remove();
  }
}

if (values.attack !== undefined) {
  // Attackers have processors of their own; here they must not take the server's.
  setPriority(19);
  process.once('message', (target) => attacks[values.attack ?? '']?.(target as Target));
} else {
  const quiet: Figures[] = [];
  const attacked: Figures[] = [];
  for (let run = 1; run <= runs; run++) {
    quiet.push(await measure(false));
    attacked.push(await measure(true));
    if (!values.json) console.log(`run ${run} of ${runs}`, { quiet: quiet.at(-1), attacked: attacked.at(-1) });
  }
  const report: Record<string, number> = { runs };
  for (const field of Object.keys(quiet[0] ?? {}) as (keyof Figures)[]) {
    const of = (list: Figures[]): number =>
      Math.round(
        percentile(
          list.map((one) => one[field]),
          0.5,
        ) * 1000,
      ) / 1000;
    report[field] = of(attacked);
    report[`quiet_${field}`] = of(quiet);
  }
  console.log(JSON.stringify(report));
  process.exit(0);
}
