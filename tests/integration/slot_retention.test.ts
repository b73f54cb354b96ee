// A slot that is about to cost the server its WAL, or itself: warned of before, and measured.
import assert from 'node:assert/strict';

import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

scenario('what_the_slot_keeps_is_measured_and_warned_of_before_it_is_lost', async (s) => {
  const postgres = await s.postgres({ settings: { max_slot_wal_keep_size: '64MB', wal_keep_size: '0' } });
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  // A transaction that stays open holds the slot's restart_lsn, whatever is confirmed.
  const open = await postgres.connect();
  s.atEnd(() => open.end());
  await open.query('BEGIN');
  await open.query('INSERT INTO rows VALUES (1)');
  const filler = "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) FROM generate_series(1, 4)";
  await until('the warning', async () => {
    await postgres.sql(filler);
    return /used up by the replication slot/.test((await pulse.capture()).problem);
  }, { everyMs: 500 });
  assert.ok((await pulse.metric('pulse_slot_retained_wal_bytes')) > 30_000_000);
  const { rows } = await postgres.sql('SELECT wal_status FROM pg_replication_slots');
  assert.notEqual((rows[0] as { wal_status: string }).wal_status, 'lost', 'in time');
  await open.query('COMMIT');
  await until('all to be fine again', async () => {
    await postgres.sql('CHECKPOINT');
    return (await pulse.capture()).problem === '';
  }, { everyMs: 500 });
  const warnings = pulse.process.output.split('\n').filter((line) => /used up by the replication slot/.test(line));
  assert.equal(warnings.length, 1, 'said once');
}, { from: 13 });
