// The disk says that a sync has failed. What was written may be anywhere then, and no later sync says otherwise: the server
// ends before it confirms or delivers any of it, and the next one writes the last write anew.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { defineModel } from '../harness/model.js';
import { defaultSlot } from '../harness/oracle.js';
import { root } from '../harness/paths.js';
import { scenario } from '../harness/scenario.js';
import { within } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int' });

scenario('a_sync_that_fails_ends_the_server_before_anything_is_confirmed_or_delivered', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const order = join(postgres.folder, 'fail-sync');
  const env = { LD_PRELOAD: join(root, 'build/release/tests/libfailing_sync.so'), PULSE_TEST_FAIL_SYNC: order };
  const pulse = await s.pulse({ database: postgres.socketUrl(), env });
  const consumer = await s.consumer(pulse, { model: row, name: 'reader', reconnect: true });
  await postgres.sql('INSERT INTO rows SELECT generate_series(1, 100)');
  await consumer.untilReceived(100);
  const confirmedBelow = async (lsn: string): Promise<boolean> => {
    const { rows } = await postgres.sql(
      `SELECT confirmed_flush_lsn <= '${lsn}' AS below FROM pg_replication_slots WHERE slot_name = '${defaultSlot}'`,
    );
    return (rows[0] as { below: boolean }).below;
  };
  const { rows } = await postgres.sql('SELECT pg_current_wal_insert_lsn() AS lsn');
  const { lsn } = rows[0] as { lsn: string };

  writeFileSync(order, '');
  for (let attempt = 0; attempt < 3; attempt++) {
    if (attempt > 0) pulse.launch();
    else await postgres.sql('INSERT INTO rows SELECT generate_series(101, 200)');
    const { code, signal } = await within('the server to end', 30_000, pulse.process.ended);
    // The next one syncs what it finds before it believes it, and does not start.
    assert.deepEqual([code, signal], attempt === 0 ? [null, 'SIGABRT'] : [1, null], pulse.logTail);
    assert.match(pulse.logTail, /syncing .*Input\/output error/);
    assert.ok(await confirmedBelow(lsn), 'nothing of it is confirmed');
    assert.equal(consumer.frames.length, 100, 'nothing of it is delivered');
  }

  rmSync(order);
  await pulse.start();
  await consumer.untilReceived(200);
  assert.deepEqual(
    [...new Set(consumer.frames.map((frame) => frame.created?.['id']))],
    Array.from({ length: 200 }, (_, index) => index + 1),
  );
});
