// The server is killed fifty times while writers write and a consumer with a named stream reads: in the middle of a
// transaction's delivery, while the log appends, while a segment rolls, and at random instants, start-up included.
// Afterwards every committed row has been delivered, in commit order, and what came again had the id it had.
import assert from 'node:assert/strict';

import type { Frame } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { firstDifference, Oracle } from '../harness/oracle.js';
import { pulseFailpointsBinary } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import type { Random } from '../harness/random.js';
import { scenario } from '../harness/scenario.js';
import { sleep, until, within } from '../harness/wait.js';

const kills = { midTransaction: 12, append: 7, torn: 7, roll: 7, atRandom: 17 };
const writers = 3;

// `part` of `parts`: where the row stands in its transaction.
const entry = defineModel('Entry', 'entries', { id: 'Int', part: 'Int', parts: 'Int', pad: 'String' });

class Writers {
  private stopped = false;
  private readonly running: Promise<void>[];

  constructor(postgres: Postgres, random: Random) {
    this.running = Array.from({ length: writers }, (_, writer) => this.write(postgres, writer, random));
  }

  // A transaction in fifty is larger than what a stream's window lets through at once (1024 events), so that a
  // consumer that has seen a part of it cannot have been sent all of it.
  private async write(postgres: Postgres, writer: number, random: Random): Promise<void> {
    const client = await postgres.connect();
    let nextId = writer * 10_000_000;
    while (!this.stopped) {
      const parts = writer === 0 && random.chance(0.02) ? random.between(1500, 2000) : random.between(1, 12);
      // Random text, so that compression leaves it its size and segments fill.
      const pad = random.bytes(parts > 1000 ? 20 : 150).toString('base64');
      await client.query('INSERT INTO entries SELECT $1 + part, part, $2, $3 FROM generate_series(1, $2) part', [
        nextId,
        parts,
        pad,
      ]);
      nextId += parts;
      await sleep(random.between(2, 20));
    }
    await client.end();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }
}

// What the consumer has seen, over all its connections.
class Witness {
  readonly firstDelivery: number[] = [];
  readonly idOf = new Map<number, string>();
  readonly wrongIds: string[] = [];
  redelivered = 0;
  // Each connection's rows in the order in which they came.
  readonly connections: number[][] = [];
  // Called with every row that has not come before; set by whoever waits for a moment to kill in. One that comes again
  // would come again after that kill, too.
  onRow: ((row: { id: number; part: number; parts: number }) => void) | undefined;

  take(frame: Frame, connection: number): void {
    const row = frame.created as { id: number; part: number; parts: number };
    const known = this.idOf.get(row.id);
    if (known === undefined) {
      this.idOf.set(row.id, frame.id);
      this.firstDelivery.push(row.id);
      this.onRow?.(row);
    } else {
      this.redelivered++;
      if (known !== frame.id) this.wrongIds.push(`row ${row.id}: ${known}, then ${frame.id}`);
    }
    (this.connections[connection - 1] ??= []).push(row.id);
  }
}

// Kills the server when the consumer has seen a part of a large transaction. True when more of it was to come.
async function killInTransaction(pulse: Pulse, witness: Witness): Promise<boolean> {
  const seen = await within(
    'a large transaction to be delivered',
    60_000,
    new Promise<{ last: number; parts: number }>((resolve) => {
      let last = 0;
      let target = 0;
      witness.onRow = ({ part, parts }) => {
        if (parts <= 1200) return;
        last = Math.max(last, part);
        if (target !== 0 || part < 100) return;
        target = parts;
        pulse.process.signal('SIGKILL');
        void pulse.process.ended.then(() => sleep(100)).then(() => resolve({ last, parts }));
      };
    }),
  );
  witness.onRow = undefined;
  return seen.last < seen.parts;
}

type Kind = keyof typeof kills;
const failpoints: Partial<Record<Kind, string>> = { append: 'log.append', torn: 'log.torn', roll: 'log.roll' };

scenario(
  'nothing_is_lost_reordered_or_renamed_by_fifty_kills',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(
      'CREATE TABLE entries (id int PRIMARY KEY, part int NOT NULL, parts int NOT NULL, pad text NOT NULL)',
    );
    const pulse = await s.unstarted({ database: postgres.socketUrl(), env: { PULSE_SEGMENT_BYTES: '256KiB' } });
    await pulse.start();
    const oracle = await Oracle.copy(postgres);
    const witness = new Witness();
    const consumer = await s.consumer(pulse, {
      model: entry,
      name: 'survivor',
      reconnect: true,
      keepFrames: false,
      onFrame: (frame, connection) => witness.take(frame, connection),
    });
    await pulse.kill();

    const load = new Writers(postgres, s.random);
    s.atEnd(() => load.stop());
    const done: Record<Kind, number> = { midTransaction: 0, append: 0, torn: 0, roll: 0, atRandom: 0 };
    const plan = s.random.shuffle(
      Object.entries(kills).flatMap(([kind, count]) => Array<Kind>(count).fill(kind as Kind)),
    );
    let attempts = 0;
    for (const kind of plan) {
      for (let counted = false; !counted; ) {
        assert.ok(++attempts <= 150, 'too many attempts to kill at the planned moments');
        const failpoint = failpoints[kind];
        if (failpoint !== undefined) {
          const count = kind === 'roll' ? s.random.between(1, 3) : s.random.between(1, 40);
          pulse.launch({ binary: pulseFailpointsBinary, env: { PULSE_FAILPOINT: `${failpoint}:${count}` } });
          const { signal } = await within(`the server to die at ${failpoint}:${count}`, 60_000, pulse.process.ended);
          counted = signal === 'SIGKILL';
          assert.ok(counted, `the server ended otherwise:\n${pulse.logTail}`);
        } else if (kind === 'midTransaction') {
          pulse.launch();
          await pulse.ready();
          counted = await killInTransaction(pulse, witness);
        } else {
          pulse.launch();
          // From the first instants of start-up and recovery to well into delivery.
          await sleep(s.random.between(0, 1200));
          assert.ok(pulse.running, `the server ended by itself:\n${pulse.logTail}`);
          await pulse.kill();
          counted = true;
        }
      }
      done[kind]++;
    }

    await load.stop();
    await pulse.start();
    const committed = (await oracle.changes()).map(({ integers }) => integers['id'] as number);
    for (let before = -1; witness.firstDelivery.length < committed.length && witness.firstDelivery.length > before; ) {
      before = witness.firstDelivery.length;
      await until('more rows', () => witness.firstDelivery.length > before, { timeoutMs: 20_000 }).catch(() => {});
    }
    const missing = committed.filter((id) => !witness.idOf.has(id));
    assert.equal(
      missing.length,
      0,
      `${missing.length} of ${committed.length} rows missing, such as ${missing.slice(0, 5).join(', ')}`,
    );
    assert.equal(witness.firstDelivery.length, committed.length, 'nothing that was not committed');

    assert.deepEqual(done, kills);
    assert.equal(
      Object.values(done).reduce((sum, count) => sum + count),
      50,
    );
    assert.ok(done.midTransaction >= 10 && done.append + done.torn >= 10 && done.roll >= 5);
    const text = (ids: number[]): string[] => ids.map(String);
    assert.equal(
      firstDifference(text(witness.firstDelivery), text(committed)),
      undefined,
      'first delivered in commit order',
    );
    assert.deepEqual(witness.wrongIds, []);
    const ids = witness.firstDelivery.map((row) => witness.idOf.get(row) as string);
    assert.equal(firstDifference(ids, [...ids].sort()), undefined, 'ids rise in commit order');
    const place = new Map(committed.map((id, index) => [id, index]));
    for (const rows of witness.connections.filter((list) => list !== undefined)) {
      const from = place.get(rows[0] as number) as number;
      const expected = committed.slice(from, from + rows.length);
      assert.equal(
        firstDifference(text(rows), text(expected)),
        undefined,
        'each connection is an unbroken run of history',
      );
    }
    s.note(
      `50 kills (${JSON.stringify(done)}) in ${attempts} attempts; ${committed.length} rows on ${consumer.connections} ` +
        `connections, ${witness.redelivered} redelivered; seed ${s.random.seed}`,
    );
  },
  { timeoutMs: 600_000 },
);
