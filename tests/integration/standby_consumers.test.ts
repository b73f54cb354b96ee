// Three processes with the published client on one stream name, while a writer writes. The one that is served is killed,
// frozen and stopped, thirty times: the next one takes over, two are never served at once, and nothing is lost.
import assert from 'node:assert/strict';

import type { ConsumerProcess, Handled } from '../harness/consumer_process.js';
import type { Postgres } from '../harness/postgres.js';
import { pushSchema } from '../harness/prisma.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { sleep, until } from '../harness/wait.js';

const name = 'one-at-a-time';
const windowEvents = 1024;
// How often each. A frozen one takes the longest: the server has to find out.
const rounds = { SIGKILL: 12, SIGSTOP: 6, SIGTERM: 12 };
type Kind = keyof typeof rounds;

// Rows 1, 2, 3, …, each transaction after the one before it, so that a row's number is its place in commit order.
class Writer {
  written = 0;
  private stopped = false;
  private burstRows = 0;
  private readonly running: Promise<void>;

  constructor(postgres: Postgres) {
    this.running = this.write(postgres);
  }

  private async write(postgres: Postgres): Promise<void> {
    const client = await postgres.connect();
    while (!this.stopped) {
      const rows = this.burstRows === 0 ? 3 : this.burstRows;
      this.burstRows = 0;
      await client.query('INSERT INTO "Writer" SELECT n, \'name\' FROM generate_series($1::int, $2::int) n', [
        this.written + 1,
        this.written + rows,
      ]);
      this.written += rows;
      await sleep(5);
    }
    await client.end();
  }

  // The next transaction has so many rows.
  burst(rows: number): void {
    this.burstRows = rows;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }
}

interface Stream {
  name: string;
  standby: boolean;
}

async function streams(pulse: Pulse): Promise<Stream[]> {
  const { body } = await pulse.admin('/v1/projects/default/streams');
  return (body as { streams: Stream[] }).streams.filter((stream) => stream.name === name);
}

// Looks at the open streams for as long as the test runs.
class Watch {
  looks = 0;
  readonly wrong: string[] = [];
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(pulse: Pulse) {
    this.running = (async () => {
      while (!this.stopped) {
        const served = (await streams(pulse)).filter((stream) => !stream.standby);
        this.looks++;
        if (served.length > 1) this.wrong.push(JSON.stringify(served));
        await sleep(10);
      }
    })();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }
}

interface Setup {
  pulse: Pulse;
  writer: Writer;
  // In the order in which they will be served.
  queue: ConsumerProcess[];
}

async function setUp(s: Scenario, env: Record<string, string>): Promise<Setup> {
  const postgres = await s.postgres();
  await pushSchema(postgres, 'tests/client');
  const pulse = await s.pulse({ database: postgres.socketUrl(), env });
  const queue: ConsumerProcess[] = [];
  for (let count = 1; count <= 3; count++) {
    queue.push(s.consumerProcess(pulse, name));
    await until(`${count} open streams`, async () => (await streams(pulse)).length === count);
  }
  const writer = new Writer(postgres);
  s.atEnd(() => writer.stop());
  return { pulse, writer, queue };
}

// Ends what the first of the queue does, waits for the second to take over, and lets the first come back as the last.
async function replaceFirst({ pulse, queue }: Setup, kind: Kind): Promise<void> {
  const [first, second] = queue as [ConsumerProcess, ConsumerProcess];
  const before = second.handled().length;
  first.signal(kind);
  await until('the next consumer to take over', () => second.handled().length > before);
  if (kind === 'SIGSTOP') {
    first.signal('SIGCONT');
  } else {
    const { code, signal } = await first.endBy(kind);
    assert.equal(signal ?? code, kind === 'SIGKILL' ? 'SIGKILL' : 0, first.logTail);
    first.restart();
  }
  await until('it to be back as a standby', async () => {
    const open = await streams(pulse);
    return open.length === queue.length && open.filter((stream) => stream.standby).length === queue.length - 1;
  });
  queue.push(queue.shift() as ConsumerProcess);
}

const now = (): bigint => process.hrtime.bigint();

// From when on a consumer was the only one to be served.
interface Tenure {
  consumer: ConsumerProcess;
  since: bigint;
}

// The events that a consumer has had in the tenure with this number: until its next one.
function handledIn(tenures: readonly Tenure[], number: number): Handled[] {
  const { consumer, since } = tenures[number] as Tenure;
  const again = tenures.slice(number + 1).find((later) => later.consumer === consumer);
  return consumer.handled().filter(({ at }) => at >= since && (again === undefined || at < again.since));
}

// Holds what all of them have had to what is promised. Returns how many events came again.
function judge(tenures: readonly Tenure[], all: readonly Handled[], written: number): number {
  const idOf = new Map<number, string>();
  const firstAt = new Map<number, bigint>();
  for (const { id, row, at } of all) {
    assert.equal(idOf.get(row) ?? id, id, `row ${row} has one id`);
    idOf.set(row, id);
    const known = firstAt.get(row);
    if (known === undefined || at < known) firstAt.set(row, at);
  }
  assert.equal(new Set(idOf.values()).size, idOf.size, 'an id has one row');
  const rows = [...idOf.keys()].sort((a, b) => a - b);
  const missing = Array.from({ length: written }, (_, index) => index + 1).filter((row) => !idOf.has(row));
  assert.deepEqual(missing.slice(0, 5), [], `${missing.length} of ${written} rows are missing`);
  assert.equal(rows.length, written, 'nothing that was not written');
  const ids = rows.map((row) => idOf.get(row) as string);
  assert.deepEqual(ids, [...ids].sort(), 'ids rise in the order of the rows');

  let redelivered = 0;
  for (let number = 0; number < tenures.length; number++) {
    const events = handledIn(tenures, number);
    const start = events[0]?.row as number;
    let expected = start;
    for (const { row, at } of events) {
      assert.ok(row >= expected, `tenure ${number}: row ${row} when ${expected} was next`);
      // Left out is only what another one has done: late, with events that it had received before.
      for (; expected < row; expected++) {
        assert.ok((firstAt.get(expected) as bigint) < at, `tenure ${number}: row ${expected} was left out`);
      }
      expected = row + 1;
    }
    // Later ones it has got first, and its successor was quicker with them.
    const end = tenures[number + 1]?.since;
    const again = events.filter(({ row, at }) => (firstAt.get(row) as bigint) < at && (end === undefined || at < end));
    assert.ok(again.length <= windowEvents, `tenure ${number}: ${again.length} came again`);
    redelivered += again.length;
    const next = number + 1 < tenures.length ? handledIn(tenures, number + 1)[0] : undefined;
    if (next === undefined) continue;
    // What had been sent to the one before was in its window, and the window begins where the next one starts.
    const last = events.at(-1)?.row as number;
    assert.ok(last < next.row + windowEvents, `tenure ${number}: row ${last} came, and the next began at ${next.row}`);
  }
  return redelivered;
}

scenario(
  'thirty_times_the_next_one_takes_over_and_nothing_is_lost',
  async (s) => {
    const setup = await setUp(s, { PULSE_SILENCE_TIMEOUT: '2s' });
    const { pulse, writer, queue } = setup;
    const everybody = [...queue];
    const watch = new Watch(pulse);
    s.atEnd(() => watch.stop());
    const plan = Object.entries(rounds).flatMap(([kind, count]) => Array<Kind>(count).fill(kind as Kind));
    assert.equal(plan.length, 30);
    const tenures: Tenure[] = [{ consumer: queue[0] as ConsumerProcess, since: 0n }];

    for (const kind of s.random.shuffle(plan)) {
      const [first, second, third] = queue as [ConsumerProcess, ConsumerProcess, ConsumerProcess];
      const [served, quiet] = [first.handled().length, third.handled().length];
      await until('the one that is served to get something', () => first.handled().length > served + 20);
      if (s.random.chance(0.5)) {
        // More than the window holds.
        writer.burst(3 * windowEvents);
        const { written } = writer;
        await until('the burst to be written', () => writer.written >= written + windowEvents);
      }
      tenures.push({ consumer: second, since: now() });
      await replaceFirst(setup, kind);
      assert.equal(third.handled().length, quiet, 'the one after the next has got nothing');
    }

    await writer.stop();
    const last = queue[0] as ConsumerProcess;
    await until('the last row', () => last.handled().at(-1)?.row === writer.written);
    await watch.stop();
    assert.deepEqual(watch.wrong, [], 'two were served at once');
    assert.ok(watch.looks > 100);
    const all = everybody.flatMap((consumer) => consumer.handled());
    const redelivered = judge(tenures, all, writer.written);
    assert.ok(redelivered > 0, 'some were in hand when their consumer went');
    assert.equal(await pulse.metric('pulse_clients_silent_total'), rounds.SIGSTOP);
    s.note(`${writer.written} rows, ${redelivered} came again, ${watch.looks} looks, seed ${s.random.seed}`);
  },
  { timeoutMs: 240_000 },
);
