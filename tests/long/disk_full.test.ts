// The disk of the data directory is full for a minute, while the application goes on writing.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';
import { SmallDisk } from '../harness/small_disk.js';
import { SteadyWriter } from '../harness/steady_writer.js';
import { until } from '../harness/wait.js';

const entry = defineModel('Entry', 'entries', { id: 'Int', text: 'String' });
const mib = 2 ** 20;
const fullSeconds = Number(process.env.PULSE_TEST_FULL_SECONDS ?? 60);

scenario(
  'a_full_disk_is_waited_out_reads_go_on_and_nothing_is_lost',
  async (s) => {
    const postgres = await s.postgres({ settings: { fsync: 'off' } });
    await postgres.sql('CREATE TABLE entries (id int PRIMARY KEY, text text NOT NULL)');
    const env = { PULSE_SEGMENT_BYTES: '1MiB', PULSE_RETENTION_BYTES: '1GiB' };
    const pulse = await s.unstarted({ database: postgres.socketUrl(), env });
    const disk = SmallDisk.mount(pulse.dataFolder, 96);
    if (typeof disk === 'string') return s.note(`left out, no small file system can be mounted: ${disk}`);
    s.atEnd(() => disk.unmount());
    await pulse.start();
    const ids: number[] = [];
    const eventIds = new Map<number, string>();
    const changed: number[] = [];
    const reader = await s.consumer(pulse, {
      model: entry,
      name: 'reader',
      reconnect: true,
      keepFrames: false,
      onFrame: ({ id, created }) => {
        const row = created?.['id'] as number;
        if (eventIds.has(row)) {
          if (eventIds.get(row) !== id) changed.push(row);
          return;
        }
        eventIds.set(row, id);
        ids.push(row);
      },
    });
    // A name that has read nothing yet: its place is the log's beginning.
    const late = await s.consumer(pulse, { model: entry, name: 'late' });
    await late.close();

    const insert = `
      INSERT INTO entries SELECT n, (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 8) m)
      FROM generate_series($1::int, $2::int) n`;
    const writer = new SteadyWriter(postgres, insert, { rows: 100, pauseMs: 20 });
    s.atEnd(() => writer.stop());
    await until('some events', () => ids.length > 1000);
    disk.fillButFor(mib / 2);
    await until('the disk to be full', async () => /room/.test((await pulse.capture()).problem), { timeoutMs: 60_000 });
    const since = Date.now();
    // What was on its way is stored as far as there is room, and confirmed at once.
    await sleep(2000);
    const before = await pulse.metric('pulse_capture_confirmed_lsn_bytes');
    const stored = await pulse.metric('pulse_events_stored_total');
    assert.ok(disk.freeBytes < mib);

    // What is stored is read, by the one that has read it all and by the one that begins.
    await until('what is stored to be read', () => ids.length >= stored);
    const behind = await s.consumer(pulse, { model: entry, name: 'late' });
    await behind.untilReceived(stored, 60_000);
    await behind.close();
    while (Date.now() - since < fullSeconds * 1000) {
      await sleep(1000);
      assert.ok(pulse.running, 'the server runs');
    }
    assert.equal(await pulse.metric('pulse_capture_confirmed_lsn_bytes'), before, 'nothing is confirmed');
    assert.ok(writer.written > stored, 'the application has gone on writing');

    disk.empty();
    await until('capture to go on', async () => (await pulse.capture()).problem === '');
    await sleep(1000);
    await writer.stop();
    await until('everything', () => ids.length >= writer.written, { timeoutMs: 120_000 });
    assert.ok((await pulse.metric('pulse_capture_confirmed_lsn_bytes')) > before);
    assert.equal(reader.connections, 1, 'the stream has stayed open');

    // What was confirmed is on the disk.
    await pulse.kill();
    await pulse.start();
    const again = await s.consumer(pulse, { model: entry, name: 'late' });
    await again.untilReceived(writer.written - behind.received, 60_000);
    assert.deepEqual(ids, writer.numbers);
    assert.deepEqual(changed, []);
    const all = [...behind.frames, ...again.frames].map((frame) => frame.created?.['id']);
    assert.deepEqual([...new Set(all)], ids);
    s.note(`${writer.written} rows, ${stored} of them stored when the disk was full for ${fullSeconds} s`);
  },
  { timeoutMs: 300_000 },
);
