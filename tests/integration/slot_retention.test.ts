// A slot that is about to cost the server its WAL, or itself: warned of before, and measured.
import assert from 'node:assert/strict';

import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const filler = "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) FROM generate_series(1, 4)";

scenario(
  'what_the_slot_keeps_is_measured_and_warned_of_before_it_is_lost',
  async (s) => {
    const postgres = await s.postgres({ settings: { max_slot_wal_keep_size: '64MB', wal_keep_size: '0' } });
    await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    // A transaction that stays open holds the slot's restart_lsn, whatever is confirmed.
    const open = await postgres.connect();
    s.atEnd(() => open.end());
    await open.query('BEGIN');
    await open.query('INSERT INTO rows VALUES (1)');
    await until(
      'the warning',
      async () => {
        await postgres.sql(filler);
        return /uses more than half of max_slot_wal_keep_size/.test((await pulse.capture()).problem);
      },
      { everyMs: 500 },
    );
    assert.ok((await pulse.metric('pulse_slot_retained_wal_bytes')) > 30_000_000);
    const { rows } = await postgres.sql('SELECT wal_status FROM pg_replication_slots');
    assert.notEqual((rows[0] as { wal_status: string }).wal_status, 'lost', 'in time');
    await open.query('COMMIT');
    await until(
      'all to be fine again',
      async () => {
        await postgres.sql('CHECKPOINT');
        return (await pulse.capture()).problem === '';
      },
      { everyMs: 500 },
    );
    const warnings = pulse.process.output
      .split('\n')
      .filter((line) => /uses more than half of max_slot_wal_keep_size/.test(line));
    assert.equal(warnings.length, 1, 'said once');
  },
  { from: 13 },
);

// WAL piles up most while nothing is streamed.
scenario(
  'what_the_slot_keeps_is_measured_and_warned_of_while_capture_stands',
  async (s) => {
    const postgres = await s.postgres({ settings: { max_slot_wal_keep_size: '64MB', wal_keep_size: '0' } });
    await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, body text)');
    const proxy = await s.proxy(postgres.port);
    await proxy.open();
    const pulse = await s.pulse({ database: `postgresql://postgres@127.0.0.1:${proxy.port}/postgres` });
    // A column of a kind that there is not.
    proxy.tamper = (message) => {
      const at = message[0] === 'd'.charCodeAt(0) ? message.indexOf('poison', 0, 'latin1') : -1;
      if (at >= 0) message[at - 5] = 0x21;
    };
    await postgres.sql("INSERT INTO rows VALUES (1, 'poison')");
    await until('capture to stand before it', async () => /pulse gaps skip/.test((await pulse.capture()).problem));
    await until(
      'the warning, beside what it stands at',
      async () => {
        await postgres.sql(filler);
        const { problem } = await pulse.capture();
        return /pulse gaps skip.*uses more than half of max_slot_wal_keep_size/.test(problem);
      },
      { everyMs: 500 },
    );
    assert.ok((await pulse.metric('pulse_slot_retained_wal_bytes')) > 30_000_000);
    assert.ok((await pulse.metric('pulse_slot_lag_bytes')) > 30_000_000);
  },
  { from: 13 },
);

scenario(
  'what_the_slot_keeps_is_warned_of_beside_a_full_disk',
  async (s) => {
    const postgres = await s.postgres({ settings: { max_slot_wal_keep_size: '64MB', wal_keep_size: '0' } });
    await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, body text)');
    // The project's own limit fills up as a disk does.
    const pulse = await s.pulse({
      config: `
    segment_bytes = "1MiB"
    storage_max = "4MiB"
    retention_bytes = "1GiB"
    [projects.default]
    database = "${postgres.url()}"
  `,
    });
    let next = 1;
    await until('the limit to be reached', async () => {
      await postgres.sql(`INSERT INTO rows SELECT n, (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 32) m)
                  FROM generate_series(${next}, ${next + 999}) n`);
      next += 1000;
      return /storage_max/.test((await pulse.capture()).problem);
    });
    await until(
      'the warning, beside the full disk',
      async () => {
        await postgres.sql(filler);
        return /storage_max.*uses more than half of max_slot_wal_keep_size/.test((await pulse.capture()).problem);
      },
      { everyMs: 500 },
    );
  },
  { from: 13 },
);

scenario(
  'what_the_slot_keeps_is_warned_of_while_another_uses_the_slot',
  async (s) => {
    const postgres = await s.postgres({ settings: { max_slot_wal_keep_size: '64MB', wal_keep_size: '0' } });
    await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
    const first = await s.pulse({ database: postgres.url() });
    await first.capturing();
    // It has the slot, and confirms nothing of what it is sent while the transaction is open.
    const open = await postgres.connect();
    s.atEnd(() => open.end());
    await open.query('BEGIN');
    await open.query('INSERT INTO rows VALUES (1)');
    const second = await s.unstarted({ database: postgres.url() });
    second.launch();
    await until(
      'the second one to wait',
      async () => (await second.capture()).state === 'waiting for the replication slot',
    );
    await until(
      'the warning, beside what it waits for',
      async () => {
        await postgres.sql(filler);
        return /uses the slot.*uses more than half of max_slot_wal_keep_size/.test((await second.capture()).problem);
      },
      { everyMs: 500 },
    );
    // Looked for twenty times in a second.
    const seen = await second.metric('pulse_slot_retained_wal_bytes');
    await until(
      'another measurement',
      async () => {
        await postgres.sql(filler);
        return (await second.metric('pulse_slot_retained_wal_bytes')) > seen;
      },
      { everyMs: 500 },
    );
    const said = second.process.output.split('\n').filter((line) => /replication slot in use/.test(line));
    assert.equal(said.length, 1, 'said once');
  },
  { from: 13 },
);
