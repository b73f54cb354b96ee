// Many connections in one process: hundreds on which nothing happens, and hundreds that all receive the same. What ten
// thousand of them cost is measured by script/bench connections.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

import type { Consumer } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int' });
const idle = 500;
const active = 100;
const rows = 200;
// Of the program's own memory. Four times what script/bench connections measures with ten thousand: here what the
// program takes once, and the allocator's steps, are spread over fewer.
const idleBytesMax = 32_768;

scenario('hundreds_of_active_streams_beside_idle_ones_get_everything_and_leave_nothing_open', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const descriptors = (): number => readdirSync(`/proc/${pulse.process.pid}/fd`).length;
  const before = descriptors();
  const open = (count: number, name: string, where?: { create: { id: number } }): Promise<Consumer[]> =>
    Promise.all(
      Array.from({ length: count }, (_, number) => s.consumer(pulse, { model: row, name: `${name}-${number}`, where })),
    );
  const memory = (): number => {
    const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pulse.process.pid}/status`, 'utf8'));
    return Number(found?.[1]) * 1024;
  };
  // What is taken once is there before the first measurement.
  const first = await open(20, 'first', { create: { id: -1 } });
  const memoryBefore = memory();
  const quiet = await open(idle, 'idle', { create: { id: -1 } });
  const each = (memory() - memoryBefore) / idle;
  assert.ok(each <= idleBytesMax, `an idle stream takes ${each} bytes`);
  await Promise.all(first.map((one) => one.close()));
  await until('the first to be gone', async () => (await pulse.metric('pulse_streams_open')) === idle);
  const busy = await open(active, 'active');
  assert.equal(await pulse.metric('pulse_streams_open'), idle + active);

  await postgres.sql(`INSERT INTO rows SELECT generate_series(1, ${rows})`);
  await Promise.all(busy.map((one) => one.untilReceived(rows)));
  const expected = Array.from({ length: rows }, (_, index) => index + 1);
  for (const one of busy)
    assert.deepEqual(
      one.frames.map((frame) => frame.created?.['id']),
      expected,
    );
  for (const one of quiet) {
    assert.equal(one.received, 0);
    assert.ok(one.isOpen);
  }
  // Half of them go without a word.
  await Promise.all([...quiet, ...busy].map((one, number) => (number % 2 === 0 ? one.close() : one.terminate())));
  await until('all to be gone', async () => (await pulse.metric('pulse_streams_open')) === 0);
  await until('their descriptors to be closed', () => descriptors() <= before + 2);
});
