// Eight writers at once, and the stream shows what PostgreSQL committed: each change once, in commit order, each
// transaction in one piece.
import assert from 'node:assert/strict';

import { defineModel } from '../harness/model.js';
import { describeFrame, describeOracle, firstDifference, Oracle } from '../harness/oracle.js';
import type { Postgres } from '../harness/postgres.js';
import type { Random } from '../harness/random.js';
import { scenario } from '../harness/scenario.js';

const writers = 8;
const events = 50_000;

const item = defineModel('Item', 'items', { id: 'Int', writer: 'Int', step: 'Int', note: 'String' });
const columns = ['id', 'step'];

// Commits `budget` row changes in transactions of random size, some statements changing several rows, some transactions
// rolled back, some with savepoints; between the statements the other writers have their turn.
async function write(postgres: Postgres, writer: number, budget: number, random: Random): Promise<void> {
  const client = await postgres.connect();
  let nextId = writer * 1_000_000;
  let step = 0;
  let live: number[] = [];
  const note = (): string => 'x'.repeat(random.between(0, 120));
  let left = budget;
  while (left > 0) {
    let inTransaction = Math.min(left, random.between(1, random.chance(0.05) ? 400 : 30));
    const commits = random.chance(0.9);
    const before = [...live];
    let written = 0;
    await client.query('BEGIN');
    while (inTransaction > 0) {
      const rows = Math.min(inTransaction, random.between(1, 12));
      const kind = random.between(0, 9);
      if (kind < 6 || live.length < rows) {
        const ids = Array.from({ length: rows }, () => nextId++);
        await client.query('INSERT INTO items SELECT unnest($1::int[]), $2, $3, $4', [ids, writer, ++step, note()]);
        live.push(...ids);
      } else if (kind < 9) {
        const ids = random.shuffle(live).slice(0, rows);
        await client.query('UPDATE items SET step = $2, note = $3 WHERE id = ANY($1)', [ids, ++step, note()]);
      } else {
        const ids = live.splice(0, rows);
        await client.query('DELETE FROM items WHERE id = ANY($1)', [ids]);
      }
      if (random.chance(0.05)) {
        await client.query('SAVEPOINT attempt');
        await client.query('INSERT INTO items VALUES ($1, $2, 0, $3)', [-writer - 1, writer, 'rolled back']);
        await client.query('ROLLBACK TO SAVEPOINT attempt');
      }
      inTransaction -= rows;
      written += rows;
    }
    await client.query(commits ? 'COMMIT' : 'ROLLBACK');
    if (commits) left -= written;
    else live = before;
  }
  await client.end();
}

scenario(
  'fifty_thousand_events_of_eight_writers_arrive_once_each_in_commit_order',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(
      'CREATE TABLE items (id int PRIMARY KEY, writer int NOT NULL, step int NOT NULL, note text NOT NULL)',
    );
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const oracle = await Oracle.copy(postgres);
    const consumer = await s.consumer(pulse, { model: item, name: 'everything' });

    await Promise.all(
      Array.from({ length: writers }, (_, writer) => write(postgres, writer, events / writers, s.random)),
    );
    await consumer.untilReceived(events, 120_000);
    const committed = await oracle.changes();
    assert.equal(committed.length, events);

    const received = consumer.frames.map((frame) => describeFrame(frame, frame.action === 'delete' ? ['id'] : columns));
    const expected = committed.map((change) => describeOracle(change, change.action === 'delete' ? ['id'] : columns));
    assert.equal(firstDifference(received, expected), undefined);
    assert.equal(new Set(consumer.frames.map((frame) => frame.id)).size, events, 'every event has an id of its own');
    const ids = consumer.frames.map((frame) => frame.id);
    assert.equal(firstDifference(ids, [...ids].sort()), undefined, 'ids rise in the order of delivery');

    // The order is the oracle's; that the oracle's transactions are in one piece is what makes the stream's so.
    const seen = new Set<number>();
    let previous = -1;
    for (const { transaction } of committed) {
      if (transaction !== previous) assert.ok(!seen.has(transaction), `transaction ${transaction} in two pieces`);
      seen.add((previous = transaction));
    }
    s.note(`${events} events, ${seen.size} transactions, ${writers} writers, seed ${s.random.seed}`);
    assert.equal(consumer.connections, 1);
  },
  { timeoutMs: 240_000 },
);
