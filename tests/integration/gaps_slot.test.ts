// The replication slot or the data directory is not what it was: something that was committed is missing. Capture goes
// on, the gap is recorded with its bounds, and the published client learns of it before it gets anything from behind.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { setUp, take } from '../client/real_client.js';
import { DatabaseFiles } from '../harness/database_files.js';
import {
  dropSlot,
  readAll,
  readNew,
  refusal,
  refusedUntilAccepted,
  theGap,
  untilCaptured,
  write,
} from '../harness/gaps.js';
import { parseLsn } from '../harness/postgres.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const slot = 'pulse_default';

scenario('a_dropped_slot_is_a_gap_and_capture_goes_on_behind_it', async (s) => {
  const setup = await setUp(s);
  const { pulse } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  await dropSlot(setup);
  await write(setup, 'lost');
  await pulse.start();
  const gap = await theGap(pulse, 'slot_missing');
  assert.ok(parseLsn(gap.after.lsn) < parseLsn(gap.through?.lsn ?? ''));
  await write(setup, 'behind');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');

  // What was accepted stays so.
  await pulse.terminate();
  await pulse.start();
  assert.equal((await pulse.gaps()).length, 1);
  await write(setup, 'later');
  await readAll(setup, 'mail', 'later');
});

scenario('a_slot_dropped_and_made_again_is_a_gap_also_while_the_server_runs', async (s) => {
  const setup = await setUp(s);
  const { pulse, postgres, prisma } = setup;
  const open = await prisma.writer.stream({ name: 'open', create: {} });
  await write(setup, 'before');
  // The consumer has its event in hand and not acknowledged: it is served to its end.
  const events = await take(open, 1);
  // The server connects again at once, so this is a race; only one slot may be dropped, for one gap.
  await until('the slot to have been dropped', async () => {
    await postgres.sql(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}'`);
    await postgres.sql(`SELECT pg_drop_replication_slot('${slot}')`);
    return true;
  });
  await until('the gap to be recorded', async () => (await pulse.gaps()).length !== 0);
  await pulse.capturing();
  const gap = await theGap(pulse, 'slot_missing');
  await write(setup, 'behind');
  // What was in hand comes again, then the stream ends before the gap; the client comes back and is told.
  const again = await prisma.writer.stream({ name: 'open', create: {} });
  const names: string[] = [];
  await assert.rejects(
    async () => {
      for await (const event of again) names.push(event.created.name);
    },
    (why: { code?: string }) => why.code === 'P6100',
  );
  assert.deepEqual(names, ['before']);
  assert.equal(events[0]?.created.name, 'before');
  await refusedUntilAccepted(setup, 'open', gap, 'behind');
});

scenario(
  'a_slot_lost_to_the_servers_limit_is_a_gap_and_replaced',
  async (s) => {
    const setup = await setUp(s, { settings: { max_slot_wal_keep_size: '1MB', wal_keep_size: '0' } });
    const { pulse, postgres } = setup;
    await readNew(setup, 'mail', 'before');
    await pulse.terminate();
    await until('the slot to be invalidated', async () => {
      await postgres.sql(
        'SELECT pg_logical_emit_message(false, $$filler$$, repeat($$x$$, 1000000)); SELECT pg_switch_wal(); CHECKPOINT',
      );
      const { rows } = await postgres.sql(`SELECT wal_status FROM pg_replication_slots WHERE slot_name = '${slot}'`);
      return (rows[0] as { wal_status: string }).wal_status === 'lost';
    });
    await pulse.start();
    const gap = await theGap(pulse, 'slot_lost');
    await write(setup, 'behind');
    await refusedUntilAccepted(setup, 'mail', gap, 'behind');
  },
  { from: 13 },
);

scenario('a_log_behind_the_slot_restored_from_an_older_copy_is_a_gap', async (s) => {
  const setup = await setUp(s);
  const { pulse } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  const copy = join(pulse.folder, 'copy');
  cpSync(pulse.dataFolder, copy, { recursive: true });
  await pulse.start();
  await write(setup, 'captured into what is gone');
  await untilCaptured(setup, 1);
  await pulse.terminate();
  rmSync(pulse.dataFolder, { recursive: true });
  cpSync(copy, pulse.dataFolder, { recursive: true });
  await pulse.start();
  const gap = await theGap(pulse, 'slot_ahead');
  await write(setup, 'behind');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');
});

scenario('a_lost_data_directory_is_said_and_consumers_begin_anew', async (s) => {
  const setup = await setUp(s);
  const { pulse } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  rmSync(pulse.dataFolder, { recursive: true });
  await pulse.start();
  const gap = await theGap(pulse, 'log_lost');
  assert.deepEqual(gap.after, { timeline: 0, lsn: '0/0' });
  await readNew(setup, 'mail', 'after');
});

scenario('a_lost_event_log_bars_the_names_that_are_still_known', async (s) => {
  const setup = await setUp(s);
  const { pulse } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  rmSync(join(pulse.dataFolder, 'projects'), { recursive: true });
  await pulse.start();
  const gap = await theGap(pulse, 'log_lost');
  await write(setup, 'behind');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');
});

scenario('a_lost_event_log_of_a_database_that_was_set_back_bars_the_names_behind_its_end_too', async (s) => {
  const setup = await setUp(s);
  const { pulse, postgres } = setup;
  const files = new DatabaseFiles(postgres);
  await files.backUp();
  await pulse.capturing();
  await postgres.sql(
    "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) FROM generate_series(1, 40)",
  );
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  await files.restore();
  rmSync(join(pulse.dataFolder, 'projects'), { recursive: true });
  await pulse.start();
  const gap = await theGap(pulse, 'log_lost');
  await write(setup, 'behind');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');
});

scenario('a_second_server_on_the_slot_waits_and_what_it_takes_is_a_gap_for_the_first', async (s) => {
  const setup = await setUp(s);
  const { pulse, postgres } = setup;
  await readNew(setup, 'mail', 'before');
  const second = await s.unstarted({ database: postgres.socketUrl() });
  second.launch();
  await until(
    'the second one to wait',
    async () => (await second.capture()).state === 'waiting for the replication slot',
  );
  await pulse.terminate();
  await second.capturing();
  await write(setup, 'taken by the second');
  await until('the second one to have it', async () => (await second.metric('pulse_events_stored_total')) >= 1);
  pulse.launch();
  await until(
    'the first one to wait',
    async () => (await pulse.capture()).state === 'waiting for the replication slot',
  );
  // Already told, while where it ends is not known yet.
  const told = await until('the gap', async () => (await pulse.gaps())[0]);
  assert.deepEqual({ kind: told.kind, through: told.through }, { kind: 'slot_ahead', through: null });
  assert.equal((await refusal(pulse, 'mail')).gap.id, told.id);
  await second.terminate();
  await pulse.capturing();
  const gap = await theGap(pulse, 'slot_ahead');
  assert.equal(gap.id, told.id);
  await write(setup, 'behind');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');
});

scenario('a_project_that_goes_on_by_itself_records_the_gap_and_refuses_nobody', async (s) => {
  const setup = await setUp(s, { env: { PULSE_ON_GAP: 'continue' } });
  const { pulse } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  await dropSlot(setup);
  await pulse.start();
  await write(setup, 'behind');
  await readAll(setup, 'mail', 'behind');
  const [gap] = await pulse.gaps();
  assert.deepEqual({ kind: gap?.kind, by: gap?.acceptedBy }, { kind: 'slot_missing', by: 'on_gap' });
  assert.equal(await pulse.metric('pulse_gaps_open'), 0);
});

scenario('a_slot_whose_position_moved_back_with_a_crash_of_the_database_is_no_gap', async (s) => {
  const setup = await setUp(s);
  const { pulse, postgres } = setup;
  const confirmed = async (): Promise<bigint> => {
    const { rows } = await postgres.sql(
      `SELECT confirmed_flush_lsn::text AS at FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
    return parseLsn((rows[0] as { at: string }).at);
  };
  await readNew(setup, 'mail', 'before');
  // The server writes the slot to disk at checkpoints, and sometimes in between.
  for (let round = 1, back = false; !back; round++) {
    assert.ok(round <= 10, 'the position has never moved back');
    await postgres.sql('CHECKPOINT');
    await write(setup, `round ${round}`);
    await readAll(setup, 'mail', `round ${round}`);
    await pulse.terminate();
    const before = await confirmed();
    await postgres.stop('immediate');
    await postgres.start();
    back = (await confirmed()) < before;
    await pulse.start();
  }
  await write(setup, 'next');
  await readAll(setup, 'mail', 'next');
  assert.deepEqual(await pulse.gaps(), []);
});

scenario('a_gap_is_told_by_the_command_line_and_an_unknown_one_cannot_be_accepted', async (s) => {
  const setup = await setUp(s);
  const { pulse } = setup;
  await pulse.terminate();
  await dropSlot(setup);
  await pulse.start();
  const gap = await theGap(pulse, 'slot_missing');
  const list = await pulse.command(['gaps', 'list'], pulse.adminAccess);
  assert.match(list.output, /slot_missing/);
  assert.ok(list.output.includes(gap.reason));
  assert.equal((await pulse.command(['gaps', 'accept', String(gap.id + 1)], pulse.adminAccess)).code, 1);
  assert.equal((await pulse.admin(`/v1/projects/default/gaps/${gap.id}/accept`)).status, 405);
  assert.equal((await pulse.admin(`/v1/projects/default/gaps/x/accept`, { method: 'POST' })).status, 404);
  // Nobody had a name: nobody is concerned.
  await readNew(setup, 'mail', 'first');
});
