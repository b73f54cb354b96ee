// A server that reads WAL without ever catching up says nothing of how far it has come: a message of Pulse's own does, where
// the project lets it. The proxy takes the place out of what the server says by itself.
import assert from 'node:assert/strict';
import { defaultSlot } from '../harness/oracle.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const keepalive = { copyData: 'd'.charCodeAt(0), type: 'k'.charCodeAt(0), header: 5 };

// An idle database beside one that is written to, and Pulse behind a proxy that lets no keepalive tell a place.
async function beginMute(s: Scenario, user: string, setup: string, interval: string): Promise<[Postgres, Pulse]> {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE TABLE rows (id int PRIMARY KEY); ${setup}`);
  await postgres.createDatabase('busy');
  await postgres.sql('CREATE TABLE bulk (id int)', 'busy');
  const proxy = await s.proxy(postgres.port);
  proxy.tamper = (message) => {
    const { header } = keepalive;
    if (message[0] === keepalive.copyData && message[header] === keepalive.type)
      message.fill(0, header + 1, header + 9);
  };
  await proxy.open();
  const pulse = await s.pulse({
    database: `postgresql://${user}@127.0.0.1:${proxy.port}/postgres?sslmode=disable`,
    args: ['--publication', 'own'],
    env: { PULSE_HEARTBEAT_INTERVAL: interval },
  });
  return [postgres, pulse];
}

const own = 'CREATE PUBLICATION own FOR TABLE rows';

async function writeElsewhere(postgres: Postgres): Promise<string> {
  await postgres.sql('INSERT INTO bulk SELECT generate_series(1, 20000)', 'busy');
  const { rows } = await postgres.sql('SELECT pg_current_wal_lsn()::text AS lsn');
  return (rows[0] as { lsn: string }).lsn;
}

async function confirmed(postgres: Postgres, lsn: string): Promise<boolean> {
  const { rows } = await postgres.sql(
    `SELECT confirmed_flush_lsn >= '${lsn}' AS passed FROM pg_replication_slots WHERE slot_name = '${defaultSlot}'`,
  );
  return (rows[0] as { passed: boolean }).passed;
}

scenario('a_message_moves_the_slot_where_the_server_does_not_say_how_far_it_has_read', async (s) => {
  const [postgres, pulse] = await beginMute(s, 'postgres', own, '1s');
  const written = await writeElsewhere(postgres);
  await until('the slot to move on', () => confirmed(postgres, written), { timeoutMs: 60_000 });
  assert.ok((await pulse.metric('pulse_heartbeats_total')) > 0);
  assert.equal(await pulse.metric('pulse_heartbeat_failures_total'), 0);
});

scenario('messages_of_others_are_no_events_and_move_the_slot_too', async (s) => {
  const [postgres, pulse] = await beginMute(s, 'postgres', own, '1h');
  const written = await writeElsewhere(postgres);
  await postgres.sql(
    "SELECT pg_logical_emit_message(false, 'outbox', 'a'), pg_logical_emit_message(true, 'outbox', 'b')",
  );
  await until('the slot to move on', () => confirmed(postgres, written), { timeoutMs: 60_000 });
  assert.equal(await pulse.metric('pulse_events_captured_total'), 0);
  assert.equal(await pulse.metric('pulse_heartbeats_total'), 0);
});

scenario('a_role_that_may_not_write_heartbeats_captures_all_the_same', async (s) => {
  const signature = `pg_logical_emit_message(boolean, text, text${postgresMajor >= 17 ? ', boolean' : ''})`;
  const setup = `
    CREATE ROLE reader LOGIN REPLICATION; GRANT SELECT ON rows TO reader; ${own};
    REVOKE EXECUTE ON FUNCTION ${signature} FROM PUBLIC`;
  const [postgres, pulse] = await beginMute(s, 'reader', setup, '1s');
  await writeElsewhere(postgres);
  const failures = () => pulse.metric('pulse_heartbeat_failures_total');
  await until('a heartbeat to fail', async () => (await failures()) >= 2, { timeoutMs: 60_000 });
  assert.equal(pulse.logTail.split('heartbeat not written').length, 2);
  const written = await writeElsewhere(postgres);
  await postgres.sql('INSERT INTO rows VALUES (1)');
  await until('the row to move the slot on', () => confirmed(postgres, written), { timeoutMs: 60_000 });
  assert.equal(await pulse.metric('pulse_events_captured_total'), 1);
});
