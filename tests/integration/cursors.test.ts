// Cursors as an operator has them: listed, shown, moved, deleted, and what retention may and may not do to them.
import assert from 'node:assert/strict';

import { type Consumer, type Frame, Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int' });
const note = defineModel('Note', 'notes', { id: 'Int' });

interface Shown {
  condition: string;
  cursor: string;
  lagEvents: number;
  lagEventsAtLeast: boolean;
  lagBytes: number;
  lagSeconds: number;
}

async function prepare(s: Scenario, env: Record<string, string> = {}): Promise<{ postgres: Postgres; pulse: Pulse }> {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, body text); CREATE TABLE notes (id int PRIMARY KEY)');
  return { postgres, pulse: await s.pulse({ database: postgres.socketUrl(), env }) };
}

async function command(pulse: Pulse, args: string[]): Promise<unknown> {
  const { code, output } = await pulse.command([...args, '--json'], {
    PULSE_URL: pulse.adminUrl,
    PULSE_ADMIN_TOKEN: pulse.adminToken,
  });
  assert.equal(code, 0, output);
  return JSON.parse(output) as unknown;
}

const show = async (pulse: Pulse, table: string, name: string): Promise<Shown> =>
  (await command(pulse, ['streams', 'show', table, name])) as Shown;

const ids = (consumer: Consumer): unknown[] => consumer.frames.map((frame) => frame.created?.['id']);

// The name exists, and nobody has it open.
async function leaveName(s: Scenario, pulse: Pulse, model: typeof row, name: string): Promise<void> {
  const consumer = await s.consumer(pulse, { model, name, ack: 'none' });
  await consumer.close();
  await until('the stream to be closed', async () => {
    const { streams } = (await command(pulse, ['streams', 'list'])) as { streams: unknown[] };
    return streams.length === 0;
  });
}

scenario('a_cursor_is_moved_to_the_beginning_the_end_a_time_an_lsn_and_an_event', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const consumer = await s.consumer(pulse, { model: row, name: 'job', reconnect: true });
  await postgres.sql('INSERT INTO rows SELECT generate_series(1, 3)');
  await postgres.sql('INSERT INTO notes VALUES (1)');
  await consumer.untilReceived(3);
  const between = (await postgres.sql('SELECT pg_current_wal_insert_lsn() AS lsn, clock_timestamp() AS now'))
    .rows[0] as {
    lsn: string;
    now: Date;
  };
  // Times are compared to the millisecond.
  await until('the next millisecond', () => Date.now() > between.now.getTime() + 1);
  await postgres.sql('INSERT INTO rows SELECT generate_series(4, 6)');
  await consumer.untilReceived(6);
  await until('all to be acknowledged', async () => (await show(pulse, 'rows', 'job')).lagEvents === 0);

  const later = new Date(between.now.getTime() + 1).toISOString();
  const cases: [string, number[]][] = [
    ['beginning', [1, 2, 3, 4, 5, 6]],
    [later, [4, 5, 6]],
    [between.lsn, [4, 5, 6]],
    [(consumer.frames[4] as Frame).id, [5, 6]],
    ['end', []],
  ];
  for (const [to, expected] of cases) {
    const connections = consumer.connections;
    consumer.frames.length = 0;
    const moved = (await command(pulse, ['streams', 'seek', 'rows', 'job', '--to', to])) as { to: string };
    assert.match(moved.to, /^\d+:/);
    // The open stream ends and comes back at the new place by itself.
    await until('the consumer to be back', () => consumer.connections > connections && consumer.isOpen);
    await until(`what follows ${to}`, () => consumer.frames.length >= expected.length);
    assert.deepEqual(ids(consumer), expected, to);
    await until('all to be acknowledged', async () => (await show(pulse, 'rows', 'job')).lagEvents === 0);
  }
  await postgres.sql('INSERT INTO rows VALUES (7)');
  await until('what comes after the end', () => consumer.frames.length > 0);
  assert.deepEqual(ids(consumer), [7]);
});

scenario('lag_is_told_in_events_bytes_and_time_and_outlives_a_restart', async (s) => {
  const { postgres, pulse } = await prepare(s);
  await leaveName(s, pulse, row, 'away');
  await postgres.sql('INSERT INTO rows SELECT generate_series(1, 25)');
  await postgres.sql('INSERT INTO notes SELECT generate_series(1, 10)');
  const behind = await until('the events to be stored', async () => {
    const shown = await show(pulse, 'rows', 'away');
    return shown.lagEvents === 25 ? shown : undefined;
  });
  assert.ok(behind.lagBytes > 0);
  assert.ok(behind.lagSeconds > 0);
  assert.equal(behind.lagEventsAtLeast, false);
  await pulse.kill();
  await pulse.start();
  const again = await show(pulse, 'rows', 'away');
  assert.equal(again.cursor, behind.cursor);
  assert.equal(again.lagEvents, 25);
  // A moved cursor is durable when the command has ended.
  await command(pulse, ['streams', 'seek', 'rows', 'away', '--to', 'end']);
  await pulse.kill();
  await pulse.start();
  assert.equal((await show(pulse, 'rows', 'away')).lagEvents, 0);
});

// Rows that do not compress, until retention (small here) has dropped the log's beginning.
async function fillUntilDropped(postgres: Postgres, pulse: Pulse): Promise<void> {
  await postgres.sql(`INSERT INTO rows
    SELECT n, (SELECT string_agg(md5(n::text || '/' || piece::text), '') FROM generate_series(1, 50) piece)
    FROM generate_series(1, 3000) n`);
  await until('the rows to be stored', async () => (await pulse.metric('pulse_events_stored_total')) >= 3000);
  // Retention looks around when the settings are read again.
  pulse.process.signal('SIGHUP');
  await until('retention to drop segments', () => /segment dropped by retention/.test(pulse.process.output));
}

const small = { PULSE_SEGMENT_BYTES: '256kB', PULSE_RETENTION_BYTES: '600kB' };

scenario('retention_passes_a_quiet_stream_and_tells_the_one_that_it_overtakes', async (s) => {
  const { postgres, pulse } = await prepare(s, small);
  await leaveName(s, pulse, note, 'quiet');
  await leaveName(s, pulse, row, 'behind');
  await fillUntilDropped(postgres, pulse);
  assert.equal(await pulse.metric('pulse_cursors_expired_total'), 1);
  assert.equal((await show(pulse, 'notes', 'quiet')).condition, 'kept');
  assert.equal((await show(pulse, 'rows', 'behind')).condition, 'expired');

  await postgres.sql('INSERT INTO notes VALUES (1)');
  const quiet = await s.consumer(pulse, { model: note, name: 'quiet' });
  await quiet.untilReceived(1);

  for (const again of [false, true]) {
    if (again) {
      await pulse.kill();
      await pulse.start();
    }
    const refused = await s.consumer(pulse, { model: row, name: 'behind' }).catch((reason: unknown) => reason);
    assert.ok(refused instanceof Refused);
    assert.equal(refused.status, 409);
    assert.equal(refused.json().code, 'P6100');
    assert.match(refused.json().message ?? '', /this stream has expired/);
    assert.match(JSON.stringify(refused.json().details), /pulse streams seek/);
  }

  await command(pulse, ['streams', 'seek', 'rows', 'behind', '--to', 'beginning']);
  const back = await s.consumer(pulse, { model: row, name: 'behind' });
  await until('the newest row', () => ids(back).at(-1) === 3000);
  const got = ids(back) as number[];
  assert.ok((got[0] as number) > 1);
  assert.deepEqual(
    got,
    Array.from({ length: got.length }, (_, n) => (got[0] as number) + n),
    'all that is kept',
  );
});

// Between the command and the next consumer nobody opens the name.
scenario('retention_knows_streams_that_were_moved_as_well_as_others', async (s) => {
  const { postgres, pulse } = await prepare(s, small);
  await leaveName(s, pulse, note, 'quiet');
  await leaveName(s, pulse, row, 'behind');
  await command(pulse, ['streams', 'seek', 'notes', 'quiet', '--to', 'end']);
  await command(pulse, ['streams', 'seek', 'rows', 'behind', '--to', 'end']);
  await fillUntilDropped(postgres, pulse);
  assert.equal(await pulse.metric('pulse_cursors_expired_total'), 1);
  assert.match(pulse.process.output, /stream expired, because retention drops events/);
  assert.equal((await show(pulse, 'notes', 'quiet')).condition, 'kept');
  assert.equal((await show(pulse, 'rows', 'behind')).condition, 'expired');
  await postgres.sql('INSERT INTO notes VALUES (1)');
  await (await s.consumer(pulse, { model: note, name: 'quiet' })).untilReceived(1);
});

scenario('an_expired_stream_goes_on_with_the_oldest_event_where_the_project_says_so', async (s) => {
  const { postgres, pulse } = await prepare(s, { ...small, PULSE_ON_EXPIRED: 'earliest' });
  await leaveName(s, pulse, row, 'behind');
  await fillUntilDropped(postgres, pulse);
  const back = await s.consumer(pulse, { model: row, name: 'behind' });
  await until('the newest row', () => ids(back).at(-1) === 3000);
  assert.match(pulse.process.output, /expired stream continues at the oldest stored event/);
});
