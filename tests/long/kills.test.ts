// Server, consumers and database are killed under load. `npm run test:kills -- --kills 300` does more of the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scenario } from '../harness/scenario.js';
import { type Delivery, type Findings, judge } from './kills/ledger.js';
import { runKills } from './kills/run.js';

const faults = ['lost', 'invented', 'changed_ids', 'out_of_order', 'too_many_again'] as const;

scenario(
  'kills_of_server_consumers_and_database_lose_reorder_and_rename_nothing',
  async (s) => {
    const figures = await runKills(s, 30, () => {});
    for (const fault of faults) assert.deepEqual(figures[fault].slice(0, 5), [], fault);
    assert.ok(figures.redelivered > 0, 'some were in hand when their consumer or the server was killed');
    s.note(JSON.stringify(figures));
  },
  { timeoutMs: 400_000 },
);

// Rows 1 to 5000, handled in turns of a hundred by two consumers that are killed: each turn begins with three of the
// one before.
function history(): { committed: number[]; deliveries: Delivery[] } {
  const committed = Array.from({ length: 5000 }, (_, index) => index + 1);
  const deliveries: Delivery[] = [];
  for (let turn = 0; turn < 50; turn++) {
    for (let row = Math.max(1, turn * 100 - 2); row <= (turn + 1) * 100; row++) {
      const at = BigInt(deliveries.length) * 1_000_000n;
      deliveries.push({ consumer: turn % 2, id: `id-${String(row).padStart(6, '0')}`, row, at });
    }
  }
  return { committed, deliveries };
}

// What would be wrong, and the history that has it.
const harms: { fault: (typeof faults)[number]; harm: (all: Delivery[]) => Delivery[] }[] = [
  { fault: 'lost', harm: (all) => all.filter(({ row }) => row !== 1234) },
  { fault: 'out_of_order', harm: (all) => all.filter(({ row }) => row !== 1234) },
  {
    fault: 'out_of_order',
    harm: (all) =>
      all.map((one) => (one.row === 1234 ? { ...one, row: 1235 } : one.row === 1235 ? { ...one, row: 1234 } : one)),
  },
  { fault: 'invented', harm: (all) => [...all, { consumer: 0, id: 'id-009999', row: 9999, at: 0n }] },
  // The second time only; row 100 comes twice.
  {
    fault: 'changed_ids',
    harm: (all) => all.map((one, index) => (one.row === 100 && index > 100 ? { ...one, id: 'id-000100b' } : one)),
  },
  { fault: 'changed_ids', harm: (all) => all.map((one) => (one.row === 1234 ? { ...one, id: 'id-000001' } : one)) },
  // The last consumer begins at the beginning.
  {
    fault: 'too_many_again',
    harm: (all) => [...all, ...all.map((one) => ({ ...one, consumer: 0, at: one.at + 1_000_000_000_000n }))],
  },
];

void test('the_ledger_of_the_kills_finds_every_kind_of_harm', () => {
  const { committed, deliveries } = history();
  const judged = (all: Delivery[]): Findings => judge(committed, all, [], 1024);
  const sound = judged(deliveries);
  for (const fault of faults) assert.deepEqual(sound[fault], [], fault);
  assert.equal(sound.redelivered_at_once_max, 3);
  assert.equal(sound.redelivered, 3 * 49);
  for (const { fault, harm } of harms) assert.notDeepEqual(judged(harm(deliveries))[fault], [], fault);
});
