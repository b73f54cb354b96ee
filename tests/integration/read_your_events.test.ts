// A consumer that reads the row again when its event arrives finds what the event says, however the transaction was
// written; and what happens while PostgreSQL does not say which transactions others see.
import assert from 'node:assert/strict';

import type pg from 'pg';

import { type Frame, rowOf } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import type { Random } from '../harness/random.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const writers = 4;
const readBacks = Number(process.env.PULSE_TEST_READ_BACKS ?? 2000);
// "off" shows that stale rows would be seen: for people, not for the suite.
const visibility = process.env.PULSE_TEST_VISIBILITY ?? 'on';

const item = defineModel('Item', 'items', { id: 'Int', step: 'Int' });
const tables = `
  CREATE TABLE items (id int PRIMARY KEY, step int NOT NULL);
  CREATE TABLE bulk (id serial PRIMARY KEY, note text NOT NULL);
  INSERT INTO items SELECT id, 0 FROM generate_series(1, ${writers}) AS id`;

// Moves the row on, in one of the ways in which a transaction can come to its end.
async function move(client: pg.Client, id: number, random: Random): Promise<void> {
  const update = `UPDATE items SET step = step + 1 WHERE id = ${id}`;
  const way = random.between(0, 99);
  if (way < 60) {
    await client.query(update);
  } else if (way < 80) {
    await client.query(`BEGIN; SAVEPOINT one; ${update}; RELEASE one; SAVEPOINT two; UPDATE items SET step = -1
      WHERE id = ${id}; ROLLBACK TO two; COMMIT`);
  } else if (way < 98) {
    await client.query(`BEGIN; SAVEPOINT one; ${update}; RELEASE one; PREPARE TRANSACTION 'moves ${id}'`);
    await client.query(`COMMIT PREPARED 'moves ${id}'`);
  } else {
    // Streamed while it is open, from 14 on.
    await client.query(`BEGIN; INSERT INTO bulk (note) SELECT repeat('x', 100) FROM generate_series(1, 2000);
      SAVEPOINT one; ${update}; COMMIT`);
  }
}

scenario(
  'a_row_that_is_read_again_when_its_event_arrives_is_as_the_event_says',
  async (s) => {
    const streamed: Record<string, string> = postgresMajor >= 13 ? { logical_decoding_work_mem: '64kB' } : {};
    const postgres = await s.postgres({ settings: { max_prepared_transactions: '20', ...streamed } });
    await postgres.sql(tables);
    const pulse = await s.pulse({ database: postgres.url(), args: ['--visibility', visibility] });
    const readers = await Promise.all(Array.from({ length: writers }, () => postgres.connect()));
    s.atEnd(() => Promise.all(readers.map((client) => client.end())));
    const stale: string[] = [];
    let checked = 0;
    // By row: each writer waits until its event has been looked after, so that the row is read at once.
    const lookedAt = new Map<number, (step: number) => void>();
    const check = async (frame: Frame): Promise<void> => {
      const { id, step } = rowOf(frame) as { id: number; step: number };
      const { rows } = await (readers[id - 1] as pg.Client).query(`SELECT step FROM items WHERE id = ${id}`);
      const found = (rows[0] as { step: number }).step;
      if (found < step) stale.push(`row ${id} was ${found} when the event said ${step}`);
      checked++;
      lookedAt.get(id)?.(step);
    };
    await s.consumer(pulse, { model: item, name: 'reader', keepFrames: false, onFrame: (frame) => void check(frame) });
    await Promise.all(
      Array.from({ length: writers }, async (_, number) => {
        const client = await postgres.connect();
        for (let step = 1; step <= readBacks / writers; step++) {
          const done = new Promise<void>((resolve) => lookedAt.set(number + 1, () => resolve()));
          await move(client, number + 1, s.random);
          await done;
        }
        await client.end();
      }),
    );
    s.note(`${checked} rows were read again, ${stale.length} of them too early`);
    assert.equal(checked, readBacks);
    assert.deepEqual(stale.slice(0, 3), []);
    if (visibility !== 'off') assert.equal(await pulse.metric('pulse_visibility_unverified_total'), 0);
    if (postgresMajor >= 14) assert.ok((await pulse.metric('pulse_streamed_transactions_committed_total')) > 0);
  },
  { timeoutMs: 120_000 + readBacks * 20 },
);

const questions = (pulse: Pulse): Promise<number> => pulse.metric('pulse_visibility_questions_total');

async function asksMore(pulse: Pulse): Promise<void> {
  const before = await questions(pulse);
  await until('more questions to be asked', async () => (await questions(pulse)) > before + 20);
}

async function setStandby(postgres: Postgres, name: string): Promise<void> {
  await postgres.sql(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await postgres.sql('SELECT pg_reload_conf()');
  await until('the setting to hold', async () => {
    const { rows } = await postgres.sql('SHOW synchronous_standby_names');
    return (rows[0] as { synchronous_standby_names: string }).synchronous_standby_names === name;
  });
}

scenario('events_of_a_commit_that_waits_for_a_synchronous_standby_wait_with_it', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(tables);
  const pulse = await s.pulse({ database: postgres.url(), args: ['--visibility', visibility] });
  const consumer = await s.consumer(pulse, { model: item, name: 'reader' });
  await setStandby(postgres, 'away');
  let committed = false;
  const commit = postgres.sql('UPDATE items SET step = 1 WHERE id = 1').then(() => (committed = true));
  // When something else fails the server ends under it.
  commit.catch(() => {});
  const stored = (count: number): Promise<unknown> =>
    until('the events to be stored', async () => (await pulse.metric('pulse_events_stored_total')) >= count);
  await stored(1);
  await postgres.sql('SET synchronous_commit = local; UPDATE items SET step = 1 WHERE id = 2');
  await stored(2);
  await asksMore(pulse);
  assert.equal(await pulse.metric('pulse_visibility_waiting_transactions'), 1, 'the second waits for the first alone');
  assert.equal(consumer.received, 0);
  assert.equal(committed, false);
  // A new connection is told the same.
  const ended = await postgres.sql(`SELECT pg_terminate_backend(pid) ${gateOf}`);
  assert.equal(ended.rowCount, 1);
  await asksMore(pulse);
  assert.equal(consumer.received, 0);
  await setStandby(postgres, '');
  await commit;
  await consumer.untilReceived(2);
  assert.deepEqual(
    consumer.frames.map((frame) => rowOf(frame).id),
    [1, 2],
  );
  assert.equal(await pulse.metric('pulse_visibility_unverified_total'), 0);
});

// Its id is not known any more, and the newest: no transaction behind it has ended, whose id would show where ids are.
scenario('a_commit_that_waits_for_a_synchronous_standby_is_waited_for_after_a_restart_too', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(tables);
  const pulse = await s.pulse({ database: postgres.url(), args: ['--visibility', 'strict'] });
  const first = await s.consumer(pulse, { model: item, name: 'reader' });
  await setStandby(postgres, 'away');
  const commit = postgres.sql('UPDATE items SET step = 1 WHERE id = 1');
  commit.catch(() => {});
  await until('the event to be stored', async () => (await pulse.metric('pulse_events_stored_total')) >= 1);
  await pulse.kill();
  assert.equal(first.received, 0);
  pulse.launch();
  await pulse.ready();
  const consumer = await s.consumer(pulse, { model: item, name: 'reader' });
  await asksMore(pulse);
  assert.equal(await pulse.metric('pulse_visibility_waiting_transactions'), 1);
  assert.equal(consumer.received, 0);
  await setStandby(postgres, '');
  await commit;
  await consumer.untilReceived(1);
  assert.equal(rowOf(consumer.frames[0] as Frame).id, 1);
  assert.equal(await pulse.metric('pulse_visibility_unverified_total'), 0);
});

const gateOf = "FROM pg_stat_activity WHERE application_name = 'pulse default visibility'";

async function gateProcess(postgres: Postgres): Promise<number> {
  let pid: number | undefined;
  await until('the connection that asks for visibility', async () => {
    const { rows } = await postgres.sql(`SELECT pid ${gateOf}`);
    pid = (rows[0] as { pid: number } | undefined)?.pid;
    return pid !== undefined;
  });
  return pid as number;
}

// A role whose connections can be refused.
async function beginAs(s: Scenario, mode: string): Promise<[Postgres, Pulse]> {
  const postgres = await s.postgres();
  await postgres.sql(`${tables}; CREATE ROLE reader LOGIN REPLICATION; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
    CREATE PUBLICATION own FOR TABLE items`);
  const pulse = await s.pulse({
    database: postgres.url('postgres', 'reader'),
    args: ['--publication', 'own', '--visibility', mode],
  });
  return [postgres, pulse];
}

async function endQuestions(postgres: Postgres): Promise<void> {
  await gateProcess(postgres);
  await postgres.sql('ALTER ROLE reader CONNECTION LIMIT 0');
  await postgres.sql(`SELECT pg_terminate_backend(pid) ${gateOf}`);
}

scenario('events_go_on_when_postgresql_cannot_be_asked_and_it_is_counted', async (s) => {
  const [postgres, pulse] = await beginAs(s, 'on');
  const consumer = await s.consumer(pulse, { model: item, name: 'reader' });
  await endQuestions(postgres);
  for (let step = 1; step <= 3; step++) {
    await postgres.sql(`UPDATE items SET step = ${step} WHERE id = 1`);
    await consumer.untilReceived(step);
  }
  assert.equal(await pulse.metric('pulse_visibility_unverified_total'), 3);
  assert.equal(pulse.logTail.split('visibility unknown').length, 2, 'it is said once');
  await postgres.sql('ALTER ROLE reader CONNECTION LIMIT -1');
  await gateProcess(postgres);
  await postgres.sql('UPDATE items SET step = 4 WHERE id = 1');
  await consumer.untilReceived(4);
  await until('it to be said that there are answers', () => pulse.logTail.includes('visibility known again'));
});

scenario('strict_events_wait_until_postgresql_can_be_asked', async (s) => {
  const [postgres, pulse] = await beginAs(s, 'strict');
  const consumer = await s.consumer(pulse, { model: item, name: 'reader' });
  await endQuestions(postgres);
  await postgres.sql('UPDATE items SET step = 1 WHERE id = 1');
  await until('it to be said that events wait', () => pulse.logTail.includes('events wait'));
  assert.equal(await pulse.metric('pulse_events_stored_total'), 1);
  assert.equal(consumer.received, 0);
  await postgres.sql('ALTER ROLE reader CONNECTION LIMIT -1');
  await consumer.untilReceived(1);
  assert.equal(await pulse.metric('pulse_visibility_unverified_total'), 0);
});

scenario('a_frozen_server_process_holds_events_up_for_a_second', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(tables);
  const pulse = await s.pulse({ database: postgres.url() });
  const consumer = await s.consumer(pulse, { model: item, name: 'reader' });
  const pid = await gateProcess(postgres);
  process.kill(pid, 'SIGSTOP');
  s.atEnd(() => void process.kill(pid, 'SIGCONT'));
  await postgres.sql('UPDATE items SET step = 1 WHERE id = 1');
  await consumer.untilReceived(1);
  assert.equal(await pulse.metric('pulse_visibility_unverified_total'), 1);
  await until('another connection to be asked', async () => {
    const { rows } = await postgres.sql(`SELECT pid ${gateOf} AND pid <> ${pid}`);
    return rows.length === 1;
  });
});

scenario('events_of_an_earlier_run_are_delivered_when_the_database_is_away', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(tables);
  const pulse = await s.pulse({ database: postgres.url() });
  const before = await s.consumer(pulse, { model: item, name: 'reader', ack: 'none' });
  await postgres.sql('UPDATE items SET step = 1 WHERE id = 1');
  await before.untilReceived(1);
  await pulse.kill();
  await postgres.stop();
  pulse.launch();
  await pulse.ready();
  const after = await s.consumer(pulse, { model: item, name: 'reader' });
  await after.untilReceived(1);
  assert.equal(await pulse.metric('pulse_visibility_unverified_total'), 1);
});
