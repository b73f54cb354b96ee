// Waits for what was written: whoever is told that a transaction is captured finds it, whatever it did and however it
// ended; and whoever asks for everything that has committed gets a place after all of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type pg from 'pg';

import { NativeConsumer } from '../harness/native.js';
import { postgresMajor, root } from '../harness/paths.js';
import { parseLsn } from '../harness/postgres.js';
import type { Pulse, PulseOptions } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';
import { ownId, patiently, waitFor } from '../harness/waits.js';

const rounds = Number(process.env.PULSE_TEST_WAITS ?? 1000);
const ends = Number(process.env.PULSE_TEST_ENDS ?? 200);

const table = 'CREATE TABLE rows (id int PRIMARY KEY, note text)';

// A stream that has begun and is not served: what is stored waits for it.
async function begin(s: Scenario, options: PulseOptions): Promise<Pulse> {
  const pulse = await s.pulse(options);
  const consumer = await NativeConsumer.open(s, pulse, { table: 'rows', name: 'witness' });
  await consumer.close();
  return pulse;
}

async function stored(pulse: Pulse): Promise<number> {
  const { body } = await pulse.admin('/v1/projects/default/cursors/public.rows/witness');
  const { lagEvents, lagEventsAtLeast } = body as { lagEvents: number; lagEventsAtLeast: boolean };
  assert.equal(lagEventsAtLeast, false);
  return lagEvents;
}

async function idOf(client: pg.Client, statements: string): Promise<string> {
  await client.query('BEGIN');
  await client.query(statements);
  const { rows } = await client.query<{ xid: string }>(ownId);
  await client.query('COMMIT');
  return (rows[0] as { xid: string }).xid;
}

async function captured(pulse: Pulse, query: string): Promise<void> {
  const { status, body } = await waitFor(pulse, `${query}&${patiently}`);
  assert.equal(status, 200, JSON.stringify(body));
  assert.ok(parseLsn(body.captured as string) >= parseLsn(body.lsn as string), JSON.stringify(body));
}

async function connect(s: Scenario, postgres: { connect(): Promise<pg.Client> }): Promise<pg.Client> {
  const client = await postgres.connect();
  s.atEnd(() => client.end());
  return client;
}

scenario(
  'a_transaction_that_was_waited_for_is_stored_each_time',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(table);
    const pulse = await begin(s, { database: postgres.url() });
    const client = await connect(s, postgres);
    for (let round = 1; round <= rounds; round++) {
      await captured(pulse, `xid=${await idOf(client, `INSERT INTO rows VALUES (${round})`)}`);
      assert.ok((await stored(pulse)) >= round, `row ${round} is not stored`);
    }
    s.note(`${await pulse.metric('pulse_barriers_total')} barriers for ${rounds} waits`);
    assert.equal(await pulse.metric('pulse_waits_open'), 0);
    assert.equal(await pulse.metric('pulse_waits_timed_out_total'), 0);
  },
  { timeoutMs: 60_000 + rounds * 100 },
);

scenario('every_way_in_which_a_transaction_can_end_ends_its_wait', async (s) => {
  const settings: Record<string, string> = { max_prepared_transactions: '5' };
  if (postgresMajor >= 13) settings.logical_decoding_work_mem = '64kB';
  const postgres = await s.postgres({ settings });
  await postgres.sql(`${table}; CREATE UNLOGGED TABLE notes (id int)`);
  const pulse = await begin(s, { database: postgres.url() });
  const client = await connect(s, postgres);
  // Published nothing, and wrote nothing.
  await captured(pulse, `xid=${await idOf(client, 'SELECT 1')}`);
  await captured(pulse, `xid=${await idOf(client, 'INSERT INTO notes VALUES (1)')}`);
  // Rolled back.
  await client.query('BEGIN; INSERT INTO rows VALUES (1)');
  const { rows } = await client.query<{ xid: string }>(ownId);
  await client.query('ROLLBACK');
  await captured(pulse, `xid=${rows[0]?.xid}`);
  assert.equal(await stored(pulse), 0);
  // Streamed while it is in progress, from 14 on.
  const large = "INSERT INTO rows SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n";
  await captured(pulse, `xid=${await idOf(client, large)}`);
  assert.equal(await stored(pulse), 5000);
  if (postgresMajor >= 14) assert.ok((await pulse.metric('pulse_streamed_transactions_committed_total')) > 0);
  // With subtransactions, and prepared.
  const nested =
    "SAVEPOINT a; UPDATE rows SET note = 'a' WHERE id = 1; RELEASE a; UPDATE rows SET note = '' WHERE id = 2";
  await captured(pulse, `xid=${await idOf(client, nested)}`);
  assert.equal(await stored(pulse), 5002);
  await client.query('BEGIN; UPDATE rows SET note = NULL WHERE id = 3');
  const prepared = (await client.query<{ xid: string }>(ownId)).rows[0]?.xid;
  await client.query("PREPARE TRANSACTION 'one'");
  assert.equal((await waitFor(pulse, `xid=${prepared}&wait=100ms`)).status, 504);
  await client.query("COMMIT PREPARED 'one'");
  await captured(pulse, `xid=${prepared}`);
  assert.equal(await stored(pulse), 5003);
  // The past: the first id that there is.
  await captured(pulse, 'xid=3');
});

scenario('a_wait_lasts_until_the_transaction_has_ended', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await begin(s, { database: postgres.url() });
  const client = await connect(s, postgres);
  await client.query('BEGIN; INSERT INTO rows VALUES (1)');
  const { rows } = await client.query<{ xid: string }>(ownId);
  const late = await waitFor(pulse, `xid=${rows[0]?.xid}&wait=200ms`);
  assert.equal(late.status, 504);
  assert.match(late.body.message as string, /has not ended/);
  assert.match(late.body.details?.captured as string, /^[0-9A-F]+\/[0-9A-F]+$/);
  let over = false;
  const waiting = captured(pulse, `xid=${rows[0]?.xid}`).then(() => (over = true));
  await until('the wait to begin', async () => (await pulse.metric('pulse_waits_open')) === 1);
  // Another one's end is not its end.
  await captured(pulse, `xid=${await idOf(await connect(s, postgres), 'INSERT INTO rows VALUES (2)')}`);
  assert.equal(over, false);
  await client.query('COMMIT');
  await waiting;
  assert.equal(await stored(pulse), 2);
});

scenario('an_lsn_is_captured_when_everything_before_it_is', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await begin(s, { database: postgres.url() });
  const client = await connect(s, postgres);
  for (let round = 1; round <= 100; round++) {
    await client.query(`INSERT INTO rows VALUES (${round})`);
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    await captured(pulse, `lsn=${rows[0]?.lsn}`);
    assert.ok((await stored(pulse)) >= round);
  }
  assert.equal((await waitFor(pulse, 'lsn=FFFFFFFF/0&wait=50ms')).status, 504);
});

// A COMMIT that does not wait for its WAL returns before any of it is flushed: here for as long as nobody else flushes.
scenario(
  'the_present_end_is_after_commits_that_did_not_wait_for_their_wal',
  async (s) => {
    const postgres = await s.postgres({ settings: { wal_writer_delay: '10s', synchronous_commit: 'off' } });
    await postgres.sql(table);
    const pulse = await begin(s, { database: postgres.url() });
    const clients = await Promise.all([0, 1].map(() => connect(s, postgres)));
    for (let round = 0; round < ends; round++) {
      const writers = clients.map((client, index) =>
        client.query(`INSERT INTO rows VALUES (${round * clients.length + index})`),
      );
      await Promise.all(writers);
      await captured(pulse, 'lsn=now');
      assert.equal(await stored(pulse), (round + 1) * clients.length);
    }
    assert.equal(await pulse.metric('pulse_barriers_total'), ends);
    // The same for the id of one that published nothing, and of one that has.
    await captured(pulse, `xid=${await idOf(clients[0] as pg.Client, 'SELECT 1')}`);
    await captured(pulse, `xid=${await idOf(clients[0] as pg.Client, "UPDATE rows SET note = 'x' WHERE id = 1")}`);
    assert.equal(await stored(pulse), ends * clients.length + 1);
  },
  { timeoutMs: 60_000 + ends * 200 },
);

scenario('many_who_ask_at_once_share_a_barrier', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await s.pulse({ database: postgres.url() });
  await captured(pulse, 'lsn=now');
  const before = await pulse.metric('pulse_barriers_total');
  await Promise.all(Array.from({ length: 200 }, () => captured(pulse, 'lsn=now')));
  const written = (await pulse.metric('pulse_barriers_total')) - before;
  s.note(`${written} barriers for 200 questions`);
  assert.ok(written > 0 && written < 200);
});

scenario('a_role_that_may_not_write_barriers_waits_for_what_is_flushed', async (s) => {
  const postgres = await s.postgres();
  const signature = `pg_logical_emit_message(boolean, text, text${postgresMajor >= 17 ? ', boolean' : ''})`;
  await postgres.sql(`${table}; CREATE ROLE reader LOGIN REPLICATION; GRANT SELECT ON rows TO reader;
    CREATE PUBLICATION own FOR TABLE rows; REVOKE EXECUTE ON FUNCTION ${signature} FROM PUBLIC`);
  const pulse = await begin(s, { database: postgres.url('postgres', 'reader'), args: ['--publication', 'own'] });
  const client = await connect(s, postgres);
  for (let round = 1; round <= 20; round++) {
    await client.query(`INSERT INTO rows VALUES (${round})`);
    await captured(pulse, 'lsn=now');
    assert.equal(await stored(pulse), round);
  }
  await captured(pulse, `xid=${await idOf(client, 'SELECT 1')}`);
  assert.equal(await pulse.metric('pulse_barriers_total'), 0);
  assert.ok((await pulse.metric('pulse_barrier_failures_total')) > 0);
  assert.equal(pulse.logTail.split('barrier not written').length, 2, 'it is said once');
});

scenario('an_acknowledgement_is_waited_for_by_name', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`${table}; CREATE TABLE others (id int PRIMARY KEY)`);
  const pulse = await s.pulse({ database: postgres.url() });
  const client = await connect(s, postgres);
  const consumer = await NativeConsumer.open(s, pulse, { table: 'rows', name: 'mail' });
  const named = 'table=public.rows&name=mail';
  for (let round = 1; round <= 50; round++) {
    await captured(pulse, `xid=${await idOf(client, `INSERT INTO rows VALUES (${round})`)}&${named}`);
    assert.equal(consumer.texts.length, round);
  }
  // What the stream does not want needs no acknowledgement.
  await captured(pulse, `xid=${await idOf(client, 'INSERT INTO others VALUES (1)')}&${named}`);
  await captured(pulse, `lsn=now&${named}`);
  // Nobody acknowledges.
  await consumer.close();
  const xid = await idOf(client, 'INSERT INTO rows VALUES (0)');
  await captured(pulse, `xid=${xid}`);
  const late = await waitFor(pulse, `xid=${xid}&${named}&wait=300ms`);
  assert.equal(late.status, 504);
  assert.match(late.body.message as string, /stream 'mail' has not acknowledged/);
  assert.ok(parseLsn(late.body.details?.acknowledged as string) < parseLsn(late.body.details?.captured as string));
});

scenario('waits_outlast_restarts_of_pulse_and_of_postgresql', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await begin(s, { database: postgres.url() });
  const before = await postgres.connect();
  const first = await idOf(before, 'INSERT INTO rows VALUES (1)');
  await captured(pulse, `xid=${first}`);
  await captured(pulse, 'lsn=now');
  await pulse.kill();
  const second = await idOf(before, 'INSERT INTO rows VALUES (2)');
  await before.end();
  pulse.launch();
  await pulse.ready();
  for (const xid of [first, second]) await captured(pulse, `xid=${xid}`);
  assert.equal(await stored(pulse), 2);
  await postgres.stop();
  // Known already.
  await captured(pulse, `xid=${second}`);
  const waiting = captured(pulse, 'lsn=now');
  waiting.catch(() => {});
  await until('the wait to begin', async () => (await pulse.metric('pulse_waits_open')) === 1);
  await postgres.start();
  await waiting;
  const after = await connect(s, postgres);
  await captured(pulse, `xid=${await idOf(after, 'INSERT INTO rows VALUES (3)')}`);
});

scenario('without_event_persistence_waits_end_too', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await s.pulse({ database: postgres.url(), env: { PULSE_EVENT_PERSISTENCE: 'off' } });
  const client = await connect(s, postgres);
  await captured(pulse, `xid=${await idOf(client, 'INSERT INTO rows VALUES (1)')}`);
  await captured(pulse, 'lsn=now');
  const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  await captured(pulse, `lsn=${rows[0]?.lsn}`);
  assert.equal((await waitFor(pulse, 'lsn=FFFFFFFF/0&wait=50ms')).status, 504);
});

scenario('clients_that_vanish_leave_nothing_behind_and_a_stop_ends_all_waits', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await s.pulse({ database: postgres.url() });
  const open = (count: number): Promise<unknown> =>
    until(`${count} waits`, async () => (await pulse.metric('pulse_waits_open')) === count);
  const gone = new AbortController();
  const queries = ['lsn=FFFFFFFF/0', 'xid=4611686018427387904'];
  const all = queries.flatMap((query) =>
    Array.from({ length: 50 }, () => waitFor(pulse, `${query}&${patiently}`, gone.signal).catch(() => 'gone')),
  );
  await open(100);
  gone.abort();
  assert.deepEqual(new Set(await Promise.all(all)), new Set(['gone']));
  await open(0);
  const last = queries.map((query) => waitFor(pulse, `${query}&${patiently}`));
  await open(2);
  const stopped = pulse.terminate();
  for (const answer of await Promise.all(last)) assert.equal(answer.status, 503, JSON.stringify(answer.body));
  await stopped;
});

scenario('requests_that_make_no_sense_are_refused_as_the_contract_says', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await s.pulse({ database: postgres.url() });
  await NativeConsumer.open(s, pulse, { table: 'rows', name: 'mail' });
  const contract = JSON.parse(readFileSync(join(root, 'contract/wait.json'), 'utf8')) as {
    refused: { name: string; query: string; status: number; code: string; message: string; next?: string }[];
    answers: { name: string; query: string; status: number; members: string[] }[];
  };
  for (const one of contract.refused) {
    const { status, body } = await waitFor(pulse, one.query);
    const said = `${one.name}: ${status} ${JSON.stringify(body)}`;
    assert.deepEqual([status, body.code], [one.status, one.code], said);
    assert.ok(body.message?.includes(one.message), said);
    if (one.next !== undefined) assert.ok(body.details?.next?.includes(one.next), said);
  }
  for (const one of contract.answers) {
    const { status, body } = await waitFor(pulse, one.query);
    assert.deepEqual([status, Object.keys(body)], [one.status, one.members], one.name);
  }
  const stranger = await fetch(`http://127.0.0.1:${pulse.listenPort}/v1/wait?lsn=now`);
  assert.equal(stranger.status, 401);
});
