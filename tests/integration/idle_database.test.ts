// Where nothing is captured the slot must move on too: other databases of the same server, and tables that are not
// published, would otherwise fill its disk with WAL.
import assert from 'node:assert/strict';

import { defineModel } from '../harness/model.js';
import { defaultSlot } from '../harness/oracle.js';
import type { Postgres } from '../harness/postgres.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int' });

async function untilConfirmed(postgres: Postgres, target: string): Promise<void> {
  await until(
    `the slot's confirmed_flush_lsn to pass ${target}`,
    async () => {
      const { rows } = await postgres.sql(
        `SELECT confirmed_flush_lsn >= '${target}' AS passed FROM pg_replication_slots WHERE slot_name = '${defaultSlot}'`,
      );
      return (rows[0] as { passed: boolean } | undefined)?.passed ?? false;
    },
    { timeoutMs: 60_000, everyMs: 250 },
  );
}

async function currentLsn(postgres: Postgres): Promise<string> {
  const { rows } = await postgres.sql('SELECT pg_current_wal_lsn()::text AS lsn');
  return (rows[0] as { lsn: string }).lsn;
}

scenario('the_slot_moves_on_while_only_other_databases_write', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  await postgres.createDatabase('busy');
  await postgres.sql('CREATE TABLE bulk (id int, pad text)', 'busy');
  await s.pulse({ database: postgres.socketUrl() });
  for (let round = 0; round < 2; round++) {
    await postgres.sql("INSERT INTO bulk SELECT n, repeat('x', 200) FROM generate_series(1, 50000) n", 'busy');
    await untilConfirmed(postgres, await currentLsn(postgres));
  }
});

scenario('the_slot_moves_on_without_consumers_and_a_new_named_stream_misses_nothing_after_its_start', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await postgres.sql('INSERT INTO rows SELECT generate_series(1, 1000)');
  await untilConfirmed(postgres, await currentLsn(postgres));
  const consumer = await s.consumer(pulse, { model: row, name: 'new' });
  await postgres.sql('INSERT INTO rows VALUES (1001)');
  await consumer.untilReceived(1);
  assert.equal(consumer.frames[0]?.created?.['id'], 1001);
});

scenario('a_consumer_that_never_acknowledges_does_not_hold_the_slot', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await s.consumer(pulse, { model: row, name: 'mute', ack: 'none' });
  await postgres.sql('INSERT INTO rows SELECT generate_series(1, 20000)');
  await untilConfirmed(postgres, await currentLsn(postgres));
});

scenario('a_server_that_says_nothing_by_itself_is_asked_so_that_silence_means_something', async (s) => {
  // Without the time-out the server sends no keepalive of its own.
  const postgres = await s.postgres({ settings: { wal_sender_timeout: '0' } });
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY)');
  const proxy = await s.proxy(postgres.port);
  let keepalives = 0;
  // CopyData with a keepalive in it.
  proxy.tamper = (message) => {
    if (message[0] === 0x64 && message[5] === 0x6b) keepalives++;
  };
  await proxy.open();
  const url = `postgresql://postgres@127.0.0.1:${proxy.port}/postgres?sslmode=disable`;
  await s.pulse({ database: url, env: { PULSE_HEARTBEAT_INTERVAL: 'off' } });
  const before = keepalives;
  await until('the server to answer', () => keepalives > before + 1, { timeoutMs: 60_000 });
});
