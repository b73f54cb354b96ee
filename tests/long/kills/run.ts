// Kills the server, consumers of one name, and the database by SIGKILL, again and again while writers write: at random
// instants, and at points that are chosen for what could go wrong in them.
import type { ConsumerProcess } from '../../harness/consumer_process.js';
import { Oracle } from '../../harness/oracle.js';
import { pulseFailpointsBinary } from '../../harness/paths.js';
import type { Postgres } from '../../harness/postgres.js';
import { pushSchema } from '../../harness/prisma.js';
import type { Pulse } from '../../harness/pulse.js';
import type { Scenario } from '../../harness/scenario.js';
import { sleep, until, within } from '../../harness/wait.js';
import { type Findings, judge } from './ledger.js';
import { RestlessWriters } from './writers.js';

const stream = 'survivors';
const windowEvents = 1024; // The server's own default.

// Points in the server's code where pulse_failpoints dies by itself, and how many passes it may be let live.
const failpoints = { 'log.append': 60, 'log.torn': 60, 'log.roll': 6, 'streams.deliver': 300 } as const;
type Failpoint = keyof typeof failpoints;

// How often each in a hundred.
const shares = {
  server: 30,
  'server at log.append': 4,
  'server at log.torn': 4,
  'server at log.roll': 4,
  'server at streams.deliver': 4,
  // While a transaction is delivered that is larger than the window.
  'server in a large transaction': 5,
  consumer: 16,
  // With a full window in its hands.
  'consumer in a large transaction': 8,
  database: 15,
  'database in a large transaction': 4,
  'database in a checkpoint': 3,
  // All three at once.
  everything: 3,
} as const;
export type Kind = keyof typeof shares;

// Each kind as often as its share says, so that the sum is `kills`.
export function plan(kills: number): Kind[] {
  const kinds = Object.keys(shares) as Kind[];
  const made: Kind[] = kinds.flatMap((kind) => Array<Kind>(Math.floor((kills * shares[kind]) / 100)).fill(kind));
  for (let next = 0; made.length < kills; next++) made.push(kinds[next % kinds.length] as Kind);
  return made;
}

export interface KillFigures extends Findings {
  kills: Partial<Record<Kind, number>>;
  seconds: number;
  seed: number;
}

class Run {
  readonly serverKills: bigint[] = [];

  constructor(
    private readonly s: Scenario,
    private readonly postgres: Postgres,
    private readonly pulse: Pulse,
    readonly consumers: ConsumerProcess[],
    private readonly writers: RestlessWriters,
  ) {}

  handled(): number {
    return this.consumers.reduce((sum, consumer) => sum + consumer.handled().length, 0);
  }

  async untilHandled(more: number): Promise<void> {
    const wanted = this.handled() + more;
    await until(`${more} more events`, () => this.handled() >= wanted, { timeoutMs: 90_000 });
  }

  // Whose events come in at present, or anybody who runs.
  private async served(): Promise<ConsumerProcess> {
    const before = this.consumers.map((consumer) => consumer.handled().length);
    const isServed = (consumer: ConsumerProcess, index: number): boolean =>
      consumer.handled().length > (before[index] as number);
    await until('anybody to be served', () => this.consumers.some(isServed), { timeoutMs: 90_000, everyMs: 5 });
    return this.consumers.find(isServed) as ConsumerProcess;
  }

  private async killServer(): Promise<void> {
    if (!this.pulse.running) throw new Error(`the server ended by itself:\n${this.pulse.logTail}`);
    await this.pulse.kill();
    this.serverKills.push(process.hrtime.bigint());
  }

  private async killServerAt(point: Failpoint): Promise<void> {
    await this.killServer();
    const passes = this.s.random.between(1, failpoints[point]);
    this.pulse.launch({ binary: pulseFailpointsBinary, env: { PULSE_FAILPOINT: `${point}:${passes}` } });
    const { code, signal } = await within(`the server to die at ${point}`, 90_000, this.pulse.process.ended);
    if (signal !== 'SIGKILL') throw new Error(`the server ended with ${signal ?? code}:\n${this.pulse.logTail}`);
    this.serverKills.push(process.hrtime.bigint());
    this.pulse.launch();
  }

  // When the first of a transaction's many rows have come.
  private async inLargeTransaction(): Promise<ConsumerProcess> {
    const before = this.writers.largeCommitted;
    this.writers.writeLarge(4 * windowEvents);
    await until('the large transaction', () => this.writers.largeCommitted > before, { timeoutMs: 90_000, everyMs: 5 });
    return this.served();
  }

  private async killConsumer(consumer: ConsumerProcess): Promise<void> {
    await consumer.endBy('SIGKILL');
    consumer.restart();
  }

  private async killDatabase(): Promise<void> {
    await this.postgres.kill();
    await this.postgres.start();
  }

  async kill(kind: Kind): Promise<void> {
    switch (kind) {
      case 'server':
        await this.killServer();
        this.pulse.launch();
        return;
      case 'server at log.append':
      case 'server at log.torn':
      case 'server at log.roll':
      case 'server at streams.deliver':
        return this.killServerAt(kind.slice('server at '.length) as Failpoint);
      case 'server in a large transaction':
        await this.inLargeTransaction();
        await this.killServer();
        this.pulse.launch();
        return;
      case 'consumer':
        return this.killConsumer(await this.served());
      case 'consumer in a large transaction':
        return this.killConsumer(await this.inLargeTransaction());
      case 'database':
        return this.killDatabase();
      case 'database in a large transaction':
        this.writers.writeLarge(20_000);
        await sleep(this.s.random.between(0, 100));
        return this.killDatabase();
      case 'database in a checkpoint': {
        const checkpoint = this.postgres.sql('CHECKPOINT').catch(() => {});
        await sleep(this.s.random.between(0, 30));
        await this.killDatabase();
        await checkpoint;
        return;
      }
      case 'everything': {
        const consumer = await this.served();
        await Promise.all([this.postgres.kill(), this.killServer(), consumer.endBy('SIGKILL')]);
        consumer.restart();
        this.pulse.launch();
        await this.postgres.start();
        return;
      }
    }
  }
}

// `say` is told every tenth kill.
export async function runKills(s: Scenario, kills: number, say: (line: string) => void): Promise<KillFigures> {
  const started = Date.now();
  const postgres = await s.postgres();
  await pushSchema(postgres, 'tests/client');
  const env = { PULSE_SEGMENT_BYTES: '256KiB', PULSE_SILENCE_TIMEOUT: '5s' };
  const pulse = await s.pulse({ database: postgres.socketUrl(), env });
  const oracle = await Oracle.copy(postgres);
  const consumers = [s.consumerProcess(pulse, stream), s.consumerProcess(pulse, stream)];
  await until('both consumers to be connected', async () => (await pulse.metric('pulse_streams_open')) === 2);
  const writers = new RestlessWriters(postgres, s.random);
  s.atEnd(() => writers.stop());
  const run = new Run(s, postgres, pulse, consumers, writers);

  const done: Partial<Record<Kind, number>> = {};
  let count = 0;
  for (const kind of s.random.shuffle(plan(kills))) {
    // Under load, or at any instant of what follows the kill before.
    if (s.random.chance(0.7)) {
      await run.untilHandled(s.random.between(1, 400));
    } else {
      await sleep(s.random.between(0, 800));
    }
    await run.kill(kind);
    done[kind] = (done[kind] ?? 0) + 1;
    if (++count % 10 === 0) {
      say(
        `${count} of ${kills} kills, ${run.handled()} events handled, ${Math.round((Date.now() - started) / 1000)} s`,
      );
    }
  }

  await writers.stop();
  const committed = (await oracle.changes()).map(({ integers }) => integers['id'] as number);
  const seen = (): number => new Set(consumers.flatMap((one) => one.handled().map(({ row }) => row))).size;
  for (let before = -1; seen() < committed.length && seen() > before; ) {
    before = seen();
    // What never comes is for the judge to name.
    await until('more rows', () => seen() > before, { timeoutMs: 30_000, everyMs: 500 }).catch(() => {});
  }
  const deliveries = consumers.flatMap((one, consumer) => one.handled().map((event) => ({ ...event, consumer })));
  const findings = judge(committed, deliveries, run.serverKills, windowEvents);
  return { kills: done, seconds: Math.round((Date.now() - started) / 1000), seed: s.random.seed, ...findings };
}
