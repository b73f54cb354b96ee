// Transactions of a million rows: whole, exact, in order, and in bounded memory, whether PostgreSQL sends them while they
// are open or once they commit.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import type { Consumer } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';

const rows = 1_000_000;
const memoryMiB = 100;

const entry = defineModel('Entry', 'entries', { writer: 'Int', number: 'Int', pad: 'String' });

function peakMemoryMiB(pulse: Pulse): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pulse.process.pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

// What came, without keeping it: for each writer its numbers in their order, and whether writers took turns.
class Witness {
  readonly numbers = new Map<number, Int32Array>();
  readonly counts = new Map<number, number>();
  readonly turns: number[] = [];
  lastId = '';
  disorder = 0;

  take(id: string, row: { writer: number; number: number }): void {
    if (id <= this.lastId) this.disorder++;
    this.lastId = id;
    if (this.turns.at(-1) !== row.writer) this.turns.push(row.writer);
    const numbers = this.numbers.get(row.writer) ?? new Int32Array(rows + 1);
    const count = this.counts.get(row.writer) ?? 0;
    numbers[count] = row.number;
    this.numbers.set(row.writer, numbers);
    this.counts.set(row.writer, count + 1);
  }
}

async function check(postgres: Postgres, witness: Witness, writers: number): Promise<void> {
  assert.equal(witness.disorder, 0, 'ids rise in delivery order');
  assert.equal(witness.turns.length, writers, 'each transaction comes whole, none inside another');
  for (const writer of witness.turns) {
    const table = await postgres.sql(
      `SELECT string_agg(number::text, ',' ORDER BY number) AS numbers FROM entries WHERE writer = ${writer}`,
    );
    const got = witness.numbers.get(writer)?.subarray(0, witness.counts.get(writer)).join(',');
    // Not assert.equal: what differs would be megabytes of text.
    assert.ok(got === table.rows[0].numbers, `writer ${writer}'s rows are those of the table, in order`);
  }
}

async function setUp(
  s: Scenario,
  streaming: 'on' | 'off',
): Promise<{ postgres: Postgres; pulse: Pulse; witness: Witness; consumer: Consumer }> {
  const postgres = await s.postgres({ settings: { fsync: 'off' } });
  await postgres.sql(
    'CREATE TABLE entries (id bigserial PRIMARY KEY, writer int NOT NULL, number int NOT NULL, pad text NOT NULL)',
  );
  const pulse = await s.pulse({ database: postgres.socketUrl(), args: ['--streaming', streaming] });
  const witness = new Witness();
  const consumer = await s.consumer(pulse, {
    model: entry,
    name: 'all',
    keepFrames: false,
    onFrame: (frame) => witness.take(frame.id, frame.created as { writer: number; number: number }),
  });
  return { postgres, pulse, witness, consumer };
}

async function figures(s: Scenario, pulse: Pulse, streaming: 'on' | 'off', transactions: number): Promise<void> {
  const peak = peakMemoryMiB(pulse);
  const spilled = await pulse.metric('pulse_spill_written_bytes_total');
  const streamed = await pulse.metric('pulse_streamed_transactions_committed_total');
  s.note(`streaming ${streaming}: peak memory ${peak.toFixed(1)} MiB, spilled ${(spilled / 2 ** 20).toFixed(0)} MiB`);
  assert.ok(peak < memoryMiB, `peak memory of ${peak.toFixed(1)} MiB is below ${memoryMiB} MiB`);
  assert.equal(streamed, streaming === 'on' ? transactions : 0, 'transactions that were streamed');
  assert.equal(spilled > 0, streaming === 'on', 'spilled bytes are reported');
  assert.equal(await pulse.metric('pulse_spill_stored_bytes'), 0, 'nothing is left in the spill area');
}

for (const streaming of ['on', 'off'] as const) {
  scenario(
    `a_transaction_of_a_million_rows_comes_whole_in_bounded_memory_streaming_${streaming}`,
    async (s) => {
      const { postgres, pulse, witness, consumer } = await setUp(s, streaming);
      await postgres.sql(`INSERT INTO entries (writer, number, pad)
        SELECT 0, number, repeat('x', 100) FROM generate_series(1, ${rows}) number`);
      await consumer.untilReceived(rows, 240_000);
      await check(postgres, witness, 1);
      await figures(s, pulse, streaming, 1);
    },
    { timeoutMs: 400_000 },
  );

  scenario(
    `four_interleaved_transactions_with_savepoints_rolled_back_come_whole_streaming_${streaming}`,
    async (s) => {
      const { postgres, pulse, witness, consumer } = await setUp(s, streaming);
      const portion = 5000;
      const write = async (writer: number) => {
        const client = await postgres.connect();
        const insert = (from: number) =>
          client.query(
            `INSERT INTO entries (writer, number, pad)
             SELECT $1, number, repeat('x', 100) FROM generate_series($2::int, $3::int) number`,
            [writer, from, from + portion - 1],
          );
        await client.query('BEGIN');
        for (let from = 1; from <= rows / 4; from += portion) {
          // What is rolled back has the same numbers: were it delivered, they would come twice.
          if (s.random.chance(0.3)) {
            await client.query('SAVEPOINT outer_one');
            await insert(from);
            await client.query('SAVEPOINT inner_one');
            await insert(from);
            await client.query(s.random.chance(0.5) ? 'RELEASE inner_one' : 'ROLLBACK TO inner_one');
            await client.query('ROLLBACK TO outer_one');
          }
          if (s.random.chance(0.3)) await client.query('SAVEPOINT kept');
          await insert(from);
        }
        await client.query('COMMIT');
        await client.end();
      };
      await Promise.all([1, 2, 3, 4].map(write));
      await consumer.untilReceived(rows, 240_000);
      await check(postgres, witness, 4);
      await figures(s, pulse, streaming, 4);
      assert.equal(
        (await pulse.metric('pulse_streamed_subtransactions_aborted_total')) > 0,
        streaming === 'on',
        'subtransactions that had been sent were rolled back',
      );
    },
    { timeoutMs: 400_000 },
  );
}
