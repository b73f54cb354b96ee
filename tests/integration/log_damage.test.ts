// A bit of a stored segment flips: what it hits is a gap, and everything around it is delivered.
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const item = defineModel('Item', 'items', { id: 'Int', text: 'String' });
const other = defineModel('Other', 'others', { id: 'Int', text: 'String' });

// In the middle of the block that holds this place of the first segment.
function flipABit(directory: string, share: number): void {
  const name = readdirSync(directory)
    .filter((one) => one.endsWith('.seg'))
    .sort()[0];
  assert.ok(name !== undefined);
  const path = join(directory, name);
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf('PBLK');
  const block = bytes.indexOf('PBLK', Math.floor(4096 + (end - 4096) * share));
  assert.ok(block > 0 && block < end, 'a block that is not the last one');
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.from([(bytes[block + 300] ?? 0) ^ 0x10]), 0, 1, block + 300);
  closeSync(file);
}

scenario('a_bit_that_flips_in_a_stored_segment_is_a_gap_and_the_rest_is_delivered', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(
    'CREATE TABLE items (id int PRIMARY KEY, text text); CREATE TABLE others (id int PRIMARY KEY, text text)',
  );
  const pulse = await s.pulse({ database: postgres.url() });
  // Both names are known before anything is written, and read nothing of it yet.
  for (const model of [item, other]) (await pulse.consume({ model, name: 'reader' })).terminate();
  const rows = 400;
  await postgres.sql(`INSERT INTO others SELECT n, 'before' FROM generate_series(1, 10) n`);
  for (let n = 1; n <= rows; n += 20) {
    await postgres.sql(`INSERT INTO items SELECT n, (SELECT string_agg(md5(n || '.' || i), '') FROM generate_series(1, 50) i)
                        FROM generate_series(${n}, ${n + 19}) n`);
  }
  await until('all to be stored', async () => (await pulse.metric('pulse_events_stored_total')) >= rows + 10);
  await pulse.terminate();
  flipABit(join(pulse.dataFolder, 'projects/default/log'), 0.5);
  await pulse.start();

  const reader = await s.consumer(pulse, { model: item, name: 'reader' });
  const gap = await until('the gap', async () => (await pulse.gaps())[0]);
  assert.equal(gap.kind, 'damaged');
  assert.match(gap.reason, /^\d+ stored event\(s\) cannot be read \(segment \d+\.seg, byte \d+: /);
  const refusedWith = async (): Promise<Refused | undefined> => {
    try {
      (await pulse.consume({ model: item, name: 'reader' })).terminate();
      return undefined;
    } catch (reason) {
      if (reason instanceof Refused) return reason;
      throw reason;
    }
  };
  const refused = await until('the stream to be refused', refusedWith);
  assert.equal(refused.json().code, 'P6100');
  const before = reader.received;
  assert.ok(before > 0 && before < rows, `${before} events lie before the damage`);

  await pulse.acceptGap(gap.id);
  const behind = await s.consumer(pulse, { model: item, name: 'reader' });
  const lost = Number(/^\d+/.exec(gap.reason)?.[0]);
  await behind.untilReceived(rows - before - lost);
  const ids = [...reader.frames, ...behind.frames].map((frame) => frame.created?.['id'] as number);
  const expected = Array.from({ length: rows }, (_, n) => n + 1).filter((id) => id <= before || id > before + lost);
  assert.deepEqual(ids, expected);

  // Found again after a restart it is the same gap, accepted as it was.
  await pulse.terminate();
  await pulse.start();
  await (await s.consumer(pulse, { model: other, name: 'reader' })).untilReceived(10);
  assert.equal((await pulse.gaps()).length, 1);
});
