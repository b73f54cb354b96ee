// The database's standby becomes the database. What was captured and never reached it is named; what may be missing is a
// gap; and where nothing is, capture goes on by itself.
import assert from 'node:assert/strict';

import { type Setup, setUp, take } from '../client/real_client.js';
import { readAll, readNew, refusedUntilAccepted, theGap, untilCaptured, write } from '../harness/gaps.js';
import type { Postgres } from '../harness/postgres.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

// Whichever of the two is the primary, as applications name them.
const eitherOf = (one: Postgres, other: Postgres): string =>
  `postgresql://postgres@127.0.0.1:${one.port},127.0.0.1:${other.port}/postgres?target_session_attrs=read-write`;

interface Pair extends Setup {
  standby: Postgres;
}

async function setUpPair(s: Scenario): Promise<Pair> {
  const setup = await setUp(s);
  await setup.pulse.terminate();
  const standby = await s.standbyOf(setup.postgres);
  setup.pulse.launch({ database: eitherOf(setup.postgres, standby) });
  await setup.pulse.capturing();
  return { ...setup, standby };
}

const onStandby = (pair: Pair): Pick<Setup, 'postgres'> => ({ postgres: pair.standby });

scenario('a_history_forked_below_what_is_stored_is_a_divergence_that_names_the_events', async (s) => {
  const pair = await setUpPair(s);
  const { pulse, postgres, standby, prisma } = pair;
  await readNew(pair, 'mail', 'common');
  await readNew(pair, 'late', 'common too');
  await readAll(pair, 'mail', 'common too');
  await standby.caughtUpWith(postgres);
  await standby.disconnect();
  // Captured and delivered, and unknown to the standby.
  const stream = await prisma.writer.stream({ name: 'witness', create: {} });
  await write(pair, 'vanished 1', 'vanished 2', 'vanished 3');
  const vanished = await take(stream, 3);
  await readAll(pair, 'mail', 'vanished 1', 'vanished 2', 'vanished 3');
  await postgres.stop('immediate');
  await standby.promote();
  await pulse.capturing(60_000);

  const gap = await theGap(pulse, 'forked');
  assert.deepEqual(gap.vanished, { first: vanished[0]?.id, last: vanished[2]?.id, count: 3 });
  assert.deepEqual([gap.after.timeline, gap.through?.timeline], [1, 2]);
  // LSNs below those that are stored are used again.
  await write(onStandby(pair), 'behind 1', 'behind 2');
  await untilCaptured(pair, 7);
  await refusedUntilAccepted(pair, 'mail', gap, 'behind 1', 'behind 2');
  // A name that had not got so far never sees what never happened.
  await readAll(pair, 'late', 'behind 1', 'behind 2');
  await pulse.terminate();
  await pulse.start({ database: eitherOf(postgres, standby) });
  await write(onStandby(pair), 'after a restart');
  await readAll(pair, 'mail', 'after a restart');
});

scenario('a_promoted_standby_without_the_slot_is_a_gap_where_something_may_be_missing', async (s) => {
  const pair = await setUpPair(s);
  const { pulse, postgres, standby } = pair;
  await readNew(pair, 'mail', 'before');
  await standby.caughtUpWith(postgres);
  await postgres.stop('immediate');
  await standby.promote();
  const early = 'before the new slot, perhaps';
  await write(onStandby(pair), early);
  const { rows } = await standby.sql('SELECT pg_current_wal_insert_lsn() AS lsn');
  const { lsn } = rows[0] as { lsn: string };
  await pulse.capturing(60_000);
  const gap = await theGap(pulse, 'slot_missing');
  assert.deepEqual([gap.after.timeline, gap.through?.timeline, gap.vanished], [1, 2, null]);
  await write(onStandby(pair), 'behind');
  const missed = await standby.sql(`SELECT '${gap.through?.lsn}'::pg_lsn >= '${lsn}' AS missed`);
  const names = (missed.rows[0] as { missed: boolean }).missed ? ['behind'] : [early, 'behind'];
  await refusedUntilAccepted(pair, 'mail', gap, ...names);
});

scenario('a_promoted_standby_with_the_slot_goes_on_by_itself', async (s) => {
  const pair = await setUpPair(s);
  const { pulse, postgres, standby } = pair;
  await readNew(pair, 'mail', 'before');
  await write(pair, 'stored while nobody reads');
  await untilCaptured(pair, 2);
  await standby.caughtUpWith(postgres);
  await pulse.terminate();
  await postgres.stop('fast');
  await standby.stop('fast');
  standby.copySlot(postgres, 'pulse_default');
  await standby.start();
  await standby.promote();
  await write(onStandby(pair), 'written by the new primary');
  await pulse.start({ database: eitherOf(postgres, standby) });
  await readAll(pair, 'mail', 'stored while nobody reads', 'written by the new primary');
  assert.deepEqual(await pulse.gaps(), []);
});

// Both are promoted to a timeline of the same number: they have no archive in common.
scenario('a_second_standby_of_the_same_primary_goes_on_where_the_first_was_promoted', async (s) => {
  const pair = await setUpPair(s);
  const { pulse, postgres, standby } = pair;
  const other = await s.standbyOf(postgres);
  await readNew(pair, 'mail', 'common');
  await pulse.terminate();
  await standby.caughtUpWith(postgres);
  await standby.disconnect();
  await write(pair, 'only the other standby has it');
  await other.caughtUpWith(postgres);
  await postgres.stop('immediate');
  await standby.stop('fast');
  standby.copySlot(postgres, 'pulse_default');
  await standby.start();
  await standby.promote();
  await pulse.start({ database: standby.url() });
  await write(onStandby(pair), 'only the first standby has it');
  await readAll(pair, 'mail', 'only the first standby has it');
  assert.deepEqual(await pulse.gaps(), []);
  await pulse.terminate();

  // It gets the same timeline number, and has the slot as the primary had it.
  await other.stop('fast');
  other.copySlot(postgres, 'pulse_default');
  await other.start();
  await other.promote();
  await pulse.start({ database: other.url() });
  const gap = await theGap(pulse, 'forked');
  assert.deepEqual([gap.after.lsn, gap.vanished?.count], [gap.through?.lsn, 1], 'nothing but what vanished is missing');
  await write({ postgres: other }, 'behind');
  await untilCaptured(pair, 2);
  await refusedUntilAccepted(pair, 'mail', gap, 'only the other standby has it', 'behind');
});

scenario(
  'a_standby_that_keeps_the_slot_in_step_is_promoted_and_nothing_is_lost',
  async (s) => {
    const setup = await setUp(s);
    const { pulse, postgres } = setup;
    await postgres.sql("SELECT pg_create_physical_replication_slot('standby', true)");
    const doctor = await pulse.command(['doctor', '--database', postgres.url()]);
    assert.match(doctor.output, /synchronized_standby_slots is empty/);
    await postgres.sql("ALTER SYSTEM SET synchronized_standby_slots = 'standby'");
    await pulse.terminate();
    const standby = await s.standbyOf(postgres, {
      primary_slot_name: 'standby',
      hot_standby_feedback: 'on',
      sync_replication_slots: 'on',
    });
    // It has no standby of its own to wait for when it is promoted.
    await standby.sql('ALTER SYSTEM RESET synchronized_standby_slots');
    await standby.sql('SELECT pg_reload_conf()');
    await pulse.start({ database: eitherOf(postgres, standby) });
    await readNew(setup, 'mail', 'before');
    await until('the standby to have the slot', async () => {
      const found = await standby.sql(
        "SELECT synced AND NOT temporary AS there FROM pg_replication_slots WHERE slot_name = 'pulse_default'",
      );
      return (found.rows[0] as { there: boolean } | undefined)?.there;
    });
    await write(setup, 'last of the old primary');
    await untilCaptured(setup, 2);
    await postgres.stop('immediate');
    await standby.promote();
    await write({ postgres: standby }, 'first of the new primary');
    await readAll(setup, 'mail', 'last of the old primary', 'first of the new primary');
    assert.deepEqual(await pulse.gaps(), []);
  },
  { from: 17 },
);
