// A day's life in minutes: mixed load, retention that is always at work, consumers of every kind that come and go, seeks,
// and a server and a database that are killed, restarted and handed over. In the last two fifths the server is left to
// live, so that what it never gives back would show: its memory and descriptors at the end are held to those after
// that life's warm-up.
import { readdirSync, readFileSync } from 'node:fs';

import type { Consumer, Frame } from '../../harness/consumer.js';
import { defineModel } from '../../harness/model.js';
import { describeFrame, describeOracle, firstDifference, Oracle } from '../../harness/oracle.js';
import type { Postgres } from '../../harness/postgres.js';
import type { Pulse } from '../../harness/pulse.js';
import type { Scenario } from '../../harness/scenario.js';
import { sleep, until } from '../../harness/wait.js';
import { Load } from './load.js';

const day = defineModel('Day', 'days', { id: 'Int', version: 'Int', text: 'String' });
// What is committed is known by these; a delete by the first.
const columns = ['id', 'version'];
const retentionBytes = 2 << 20;
const segmentBytes = 128 << 10;
const restlessShare = 0.6;
const warmUpShare = 0.1;

// The server's memory may grow by what it may hold for the six consumers that stay, 1 MiB of unsent bytes each, and by
// what the allocator keeps of it and of blocks that were read. In ten minutes a leak of 100 bytes an event would be more.
export const growthMaxMib = 16;
// Segments that readers happen to have open.
export const descriptorGrowthMax = 4;

interface Sample {
  memoryMib: number;
  descriptors: number;
}

export interface SoakFigures {
  seed: number;
  seconds: number;
  happenings: Record<string, number>;
  committed: number;
  // Of the reader of everything: what is wrong, when anything is.
  difference: string | null;
  redelivered: number;
  after_warm_up: Sample;
  at_the_end: Sample;
  log_bytes: number;
  log_bytes_max: number;
}

// Reads everything under one name, for the oracle.
class Reader {
  readonly changes: string[] = [];
  redelivered = 0;
  private readonly seen = new Set<string>();
  private lastId = '';
  wrongOrder = '';

  take(frame: Frame): void {
    if (this.seen.has(frame.id)) {
      this.redelivered++;
      return;
    }
    if (frame.id <= this.lastId) this.wrongOrder = `${frame.id} came after ${this.lastId}`;
    this.lastId = frame.id;
    this.seen.add(frame.id);
    const key = frame.action === 'delete' ? columns.slice(0, 1) : columns;
    this.changes.push(describeFrame(frame, key));
  }
}

class Day {
  readonly happenings: Record<string, number> = {};
  private visitors = 0;

  constructor(
    private readonly s: Scenario,
    private readonly postgres: Postgres,
    private readonly pulse: Pulse,
    private readonly guests: Consumer[],
  ) {}

  private readonly always: Record<string, () => Promise<void>> = {
    database_restarted: async () => {
      await this.postgres.stop('fast');
      await this.postgres.start();
    },
    database_stopped_at_once: async () => {
      await this.postgres.stop('immediate');
      await this.postgres.start();
    },
    database_killed: async () => {
      await this.postgres.kill();
      await this.postgres.start();
    },
    seek: () => this.seek(),
    visitor: () => this.visit(),
    reload: async () => this.pulse.process.signal('SIGHUP'),
  };
  private readonly ofServers: Record<string, () => Promise<void>> = {
    server_killed: async () => {
      await this.pulse.kill();
      this.pulse.launch();
      await this.pulse.ready(60_000);
    },
    server_restarted: async () => {
      await this.pulse.terminate(30_000);
      this.pulse.launch();
      await this.pulse.ready(60_000);
    },
    hand_over: async () => {
      const served = (): number => this.pulse.process.output.split('serving').length - 1;
      const before = served();
      this.pulse.process.signal('SIGUSR2');
      await until('the next process to serve', () => served() > before, { timeoutMs: 60_000 });
      await this.pulse.ready(60_000);
    },
  };

  private async seek(): Promise<void> {
    const to = this.s.random.pick(['beginning', 'end', new Date(Date.now() - 3000).toISOString()]);
    const path = '/v1/projects/default/cursors/public.days/seeker/seek';
    const { status, body } = await this.pulse.admin(path, { method: 'POST', body: { to } });
    // 409: it asks for a time that is not there any more.
    if (status >= 300 && status !== 409) throw new Error(`seek to ${to}: ${status} ${JSON.stringify(body)}`);
  }

  // A name that is made, read a little, left and deleted; and somebody who dies without a word.
  private async visit(): Promise<void> {
    const name = `visitor-${++this.visitors}`;
    const visitor = await this.pulse.consume({ model: day, name, keepFrames: false });
    const passer = await this.pulse.consume({ model: day, path: '/subscribe', keepFrames: false });
    await sleep(this.s.random.between(0, 500));
    passer.terminate();
    await visitor.close();
    await until('the visitor to be gone', async () => {
      const { status } = await this.pulse.admin(`/v1/projects/default/cursors/public.days/${name}`, {
        method: 'DELETE',
      });
      return status < 300;
    });
  }

  async happen(mayEndServer: boolean): Promise<void> {
    const possible = mayEndServer ? { ...this.always, ...this.ofServers } : this.always;
    const name = this.s.random.pick(Object.keys(possible));
    this.happenings[name] = (this.happenings[name] ?? 0) + 1;
    await (possible[name] as () => Promise<void>)();
    await this.pulse.capturing(60_000);
    await until('everybody to be connected', () => this.guests.every((guest) => guest.isOpen), { timeoutMs: 60_000 });
  }
}

function ownMemoryMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

// While nothing is written and everything has been read.
async function sample(pulse: Pulse, load: Load, reader: Consumer): Promise<Sample> {
  await load.pause();
  await until('all to be acknowledged', async () => {
    const shown = await pulse.admin('/v1/projects/default/cursors/public.days/reader');
    return (shown.body as { lagEvents: number }).lagEvents === 0 && reader.isOpen;
  });
  const taken: Sample[] = [];
  for (let count = 0; count < 10; count++) {
    await sleep(100);
    const { pid } = pulse.process;
    taken.push({ memoryMib: ownMemoryMib(pid), descriptors: readdirSync(`/proc/${pid}/fd`).length });
  }
  load.goOn();
  return {
    memoryMib: Math.min(...taken.map((one) => one.memoryMib)),
    descriptors: Math.min(...taken.map((one) => one.descriptors)),
  };
}

export async function runSoak(s: Scenario, minutes: number, say: (line: string) => void): Promise<SoakFigures> {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE days (id int PRIMARY KEY, version int NOT NULL, text text NOT NULL)');
  const env = {
    PULSE_SEGMENT_BYTES: String(segmentBytes),
    PULSE_RETENTION_BYTES: String(retentionBytes),
    // Who seeks the beginning is where retention drops next, and may be overtaken before the connection is back.
    PULSE_ON_EXPIRED: 'earliest',
  };
  const pulse = await s.pulse({ database: postgres.socketUrl(), env });
  const oracle = await Oracle.copy(postgres);
  const all = new Reader();
  const common = { model: day, reconnect: true, keepFrames: false };
  const reader = await s.consumer(pulse, { ...common, name: 'reader', onFrame: (frame) => all.take(frame) });
  const guests = [
    reader,
    await s.consumer(pulse, { ...common, name: 'seeker' }),
    await s.consumer(pulse, { ...common, name: 'filtered', where: { create: { id: { lt: 100 } } } }),
    await s.consumer(pulse, { ...common }),
    await s.consumer(pulse, { ...common, path: '/subscribe' as const }),
    await s.consumer(pulse, { ...common, path: '/subscribe' as const, ack: 'none' as const }),
  ];
  const load = new Load(postgres, s.random);
  s.atEnd(() => load.stop());
  const life = new Day(s, postgres, pulse, guests);

  const started = Date.now();
  const share = (): number => (Date.now() - started) / (minutes * 60_000);
  let warm: Sample | undefined;
  for (let said = 0; share() < 1; ) {
    await sleep(s.random.between(0, 1000));
    await life.happen(share() < restlessShare);
    if (warm === undefined && share() >= restlessShare + warmUpShare) warm = await sample(pulse, load, reader);
    if (Date.now() - said < 30_000) continue;
    said = Date.now();
    const memory = Math.round(ownMemoryMib(pulse.process.pid));
    say(
      `${Math.round(share() * 100)} %: ${all.changes.length} events read, ${memory} MiB, ${JSON.stringify(life.happenings)}`,
    );
  }
  const end = await sample(pulse, load, reader);
  await load.stop();
  const logBytes = await pulse.metric('pulse_log_stored_bytes');

  const committed = (await oracle.changes()).map((change) =>
    describeOracle(change, change.action === 'delete' ? columns.slice(0, 1) : columns),
  );
  await until('the last event', () => all.changes.length >= committed.length, { timeoutMs: 60_000 }).catch(() => {});
  const difference = firstDifference(all.changes, committed) ?? (all.wrongOrder === '' ? null : all.wrongOrder);
  return {
    seed: s.random.seed,
    seconds: Math.round((Date.now() - started) / 1000),
    happenings: life.happenings,
    committed: committed.length,
    difference,
    redelivered: all.redelivered,
    after_warm_up: warm ?? end,
    at_the_end: end,
    log_bytes: logBytes,
    // The newest segment is begun before the oldest goes, and what a reader waits for may stay a while.
    log_bytes_max: retentionBytes + 4 * segmentBytes,
  };
}

// What is wrong with it; empty when nothing is.
export function complaints(figures: SoakFigures): string[] {
  const { after_warm_up: warm, at_the_end: end } = figures;
  const wrong: string[] = [];
  if (figures.difference !== null) wrong.push(`what was read is not what was committed: ${figures.difference}`);
  if (end.memoryMib > warm.memoryMib + growthMaxMib)
    wrong.push(`memory has grown from ${warm.memoryMib} to ${end.memoryMib} MiB`);
  if (end.descriptors > warm.descriptors + descriptorGrowthMax)
    wrong.push(`descriptors have grown from ${warm.descriptors} to ${end.descriptors}`);
  if (figures.log_bytes > figures.log_bytes_max)
    wrong.push(`the log has ${figures.log_bytes} bytes, more than ${figures.log_bytes_max}`);
  return wrong;
}
