// A row far larger than every window and every segment: whole, and in memory that is a multiple of the row, not of the rows.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';

const document = defineModel('Document', 'documents', { id: 'Int', body: 'String' });
const mib = 2 ** 20;
const rowMib = 48;
const rows = 6;

scenario(
  'a_row_of_any_size_comes_whole_in_memory_bounded_by_the_largest_row',
  async (s) => {
    const postgres = await s.postgres({ settings: { fsync: 'off' } });
    await postgres.sql('CREATE TABLE documents (id int PRIMARY KEY, body text NOT NULL)');
    const env = { PULSE_SEGMENT_BYTES: '4MiB', PULSE_WINDOW_BYTES: '1MiB' };
    const pulse = await s.pulse({ database: postgres.socketUrl(), env });
    const came: { id: unknown; digest: string }[] = [];
    const consumer = await s.consumer(pulse, {
      model: document,
      name: 'reader',
      keepFrames: false,
      onFrame: ({ created }) => {
        const digest = createHash('md5').update(String(created?.['body'])).digest('hex');
        came.push({ id: created?.['id'], digest });
      },
    });
    const insert = (id: number): Promise<unknown> =>
      postgres.sql(`INSERT INTO documents SELECT ${id}, repeat(md5('${id}'), ${(rowMib * mib) / 32})`);
    await insert(1);
    await consumer.untilReceived(1, 60_000);
    const first = pulse.process.memory();
    for (let id = 2; id <= rows; id++) await insert(id);
    await consumer.untilReceived(rows, 120_000);
    const all = pulse.process.memory();
    const { rows: expected } = await postgres.sql('SELECT id, md5(body) AS digest FROM documents ORDER BY id');
    assert.deepEqual(came, expected);
    s.note(
      `${rows} rows of ${rowMib} MiB: peak ${first.peakMib.toFixed(0)} MiB after the first, ${all.peakMib.toFixed(0)} after all`,
    );
    assert.ok(all.peakMib < 10 * rowMib, `a peak of ${all.peakMib.toFixed(0)} MiB`);
  },
  { timeoutMs: 300_000 },
);
