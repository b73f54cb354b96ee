// The data directory is used with another database than the one whose history is in it. Capture goes on with what there
// is, behind a recorded gap, numbered so that no position is given twice; and on the way back nothing is missing.
import assert from 'node:assert/strict';

import { type Setup, setUp, take } from '../client/real_client.js';
import { DatabaseFiles } from '../harness/database_files.js';
import {
  readAll,
  readNew,
  readThrough,
  refused,
  refusedUntilAccepted,
  theGap,
  untilCaptured,
  write,
} from '../harness/gaps.js';
import type { Postgres } from '../harness/postgres.js';
import { pushSchema } from '../harness/prisma.js';
import type { Gap } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

// One event is stored that "mail" has not read, and no server runs.
async function setUpStored(s: Scenario, options: Parameters<typeof setUp>[1] = {}): Promise<Setup> {
  const setup = await setUp(s, options);
  const stream = await setup.prisma.writer.stream({ name: 'mail', create: {} });
  stream.stop();
  await write(setup, 'stored');
  await untilCaptured(setup, 1);
  await setup.pulse.terminate();
  return setup;
}

async function anotherServer(s: Scenario): Promise<Postgres> {
  const other = await s.postgres({ ownIdentity: true });
  await pushSchema(other, 'tests/client');
  return other;
}

const slots = async (postgres: Postgres): Promise<string[]> => {
  const { rows } = await postgres.sql('SELECT slot_name AS name FROM pg_replication_slots ORDER BY 1');
  return (rows as { name: string }[]).map(({ name }) => name);
};

const newest = (gaps: Gap[]): Gap => gaps.reduce((one, other) => (other.id > one.id ? other : one));

scenario('another_server_behind_the_url_is_a_gap_and_capture_goes_on_behind_it', async (s) => {
  const setup = await setUpStored(s);
  const { pulse } = setup;
  const other = await anotherServer(s);
  await pulse.start({ database: other.socketUrl() });
  const gap = await theGap(pulse, 'another_database');
  assert.ok((gap.through?.timeline ?? 0) > gap.after.timeline, 'positions are behind all that is stored');
  await write({ postgres: other }, 'behind');
  await untilCaptured(setup, 1);
  // What lies before the gap is delivered first.
  await readAll(setup, 'mail', 'stored');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');
  // New names begin behind it, and restarts find no other gap.
  await readNew({ ...setup, postgres: other }, 'new', 'next');
  await pulse.terminate();
  await write({ postgres: other }, 'while away');
  await pulse.start({ database: other.socketUrl() });
  await readAll(setup, 'mail', 'next', 'while away');
  assert.equal((await pulse.gaps()).length, 1);
});

scenario('on_the_way_back_to_the_first_database_it_is_read_on_where_it_was_left', async (s) => {
  const setup = await setUpStored(s);
  const { pulse } = setup;
  const other = await anotherServer(s);
  await pulse.start({ database: other.socketUrl() });
  const first = await theGap(pulse, 'another_database');
  await write({ postgres: other }, 'of the other');
  await untilCaptured(setup, 1);
  // Not by a signal that lets it confirm: what is stored of the other is not confirmed there.
  await pulse.kill();
  await write(setup, 'meanwhile');
  await pulse.start();
  const second = await until('another gap', async () => {
    const gap = newest(await pulse.gaps());
    return gap.id !== first.id && gap.through !== null && gap;
  });
  assert.equal(second.kind, 'another_database');
  assert.match(second.reason, /capture resumes there/);
  await write(setup, 'next');
  await untilCaptured(setup, 2);
  await readAll(setup, 'mail', 'stored');
  for (const [gap, ...names] of [
    [first, 'of the other'],
    [second, 'meanwhile', 'next'],
  ] as const)
    await refusedUntilAccepted(setup, 'mail', gap, ...names);
  assert.equal((await pulse.gaps()).length, 2);
});

scenario('another_server_that_takes_the_place_of_the_first_at_run_time_is_found', async (s) => {
  const postgres = await s.postgres();
  await pushSchema(postgres, 'tests/client');
  const other = await anotherServer(s);
  const proxy = await s.proxy(postgres.port);
  await proxy.open();
  const setup = await setUp(s, { database: `postgresql://postgres@127.0.0.1:${proxy.port}/postgres` });
  const { pulse, prisma } = setup;
  const stream = await prisma.writer.stream({ name: 'mail', create: {} });
  await write({ postgres }, 'of the first');
  const [event] = await take(stream, 1);
  assert.equal(event?.created.name, 'of the first');
  await proxy.leadTo(other.port);
  const gap = await until('the gap', async () => (await pulse.gaps()).find(({ through }) => through !== null));
  assert.equal(gap.kind, 'another_database');
  await pulse.capturing();
  await write({ postgres: other }, 'behind');
  await readAll(setup, 'mail', 'of the first');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');
});

// An address that is several servers': what one of them says is not believed of the other.
scenario('connections_that_reach_different_databases_are_given_up_and_nothing_is_recorded', async (s) => {
  const postgres = await s.postgres();
  await pushSchema(postgres, 'tests/client');
  const other = await anotherServer(s);
  const standby = await s.standbyOf(postgres);
  const proxy = await s.proxy(postgres.port);
  await proxy.open();
  const pulse = await s.pulse({
    database: `postgresql://postgres@127.0.0.1:${proxy.port}/postgres?sslmode=disable&gssencmode=disable`,
  });
  for (const [port, problem] of [
    [other.port, /have reached different databases/],
    [standby.port, /PostgreSQL is a standby/],
  ] as const) {
    await proxy.leadTo(postgres.port, port);
    await until(`the problem ${problem}`, async () => problem.test((await pulse.capture()).problem), {
      timeoutMs: 60_000,
    });
    await proxy.leadTo(postgres.port);
    await pulse.capturing(60_000);
  }
  await write({ postgres }, 'behind');
  await untilCaptured({ pulse }, 1);
  assert.deepEqual(await pulse.gaps(), []);
  const { rows } = await other.sql('SELECT pubname FROM pg_publication');
  assert.deepEqual(rows, [], 'nothing was made there');
});

scenario('another_database_of_the_same_cluster_is_a_gap_and_has_a_slot_of_its_own', async (s) => {
  const setup = await setUpStored(s);
  const { pulse, postgres } = setup;
  await postgres.createDatabase('other');
  await pushSchema(postgres, 'tests/client', 'other');
  await pulse.start({ database: postgres.socketUrl('other') });
  const gap = await theGap(pulse, 'another_database');
  const insert = (name: string): Promise<unknown> =>
    postgres.sql(`INSERT INTO "Writer" (name) VALUES ('${name}')`, 'other');
  await insert('behind');
  await untilCaptured(setup, 1);
  await readAll(setup, 'mail', 'stored');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');
  const { rows } = await postgres.sql("SELECT oid FROM pg_database WHERE datname = 'other'");
  const own = `pulse_default_${(rows[0] as { oid: number }).oid}`;
  assert.deepEqual(await slots(postgres), ['pulse_default', own]);
  await pulse.terminate();
  // The first one's slot has kept what was written since.
  await write(setup, 'meanwhile');
  await pulse.start({ database: postgres.socketUrl() });
  const second = await until('another gap', async () => (await pulse.gaps()).find(({ id }) => id !== gap.id));
  await untilCaptured(setup, 1);
  await refusedUntilAccepted(setup, 'mail', second, 'meanwhile');
  const torn = await pulse.command(['teardown', '--yes', '--database', postgres.url('other')]);
  assert.equal(torn.code, 0, torn.output);
  assert.deepEqual(await slots(postgres), ['pulse_default']);
});

scenario('servers_of_two_databases_of_one_cluster_have_a_slot_each_whatever_their_projects_are_called', async (s) => {
  const postgres = await s.postgres();
  for (const name of ['one', 'other']) {
    await postgres.createDatabase(name);
    await pushSchema(postgres, 'tests/client', name);
  }
  for (const persistence of ['on', 'off']) {
    const env = { PULSE_EVENT_PERSISTENCE: persistence };
    const [one, other] = [
      await s.pulse({ database: postgres.socketUrl('one'), env }),
      await s.pulse({ database: postgres.socketUrl('other'), env }),
    ];
    await postgres.sql('INSERT INTO "Writer" (name) VALUES ($$of the other$$)', 'other');
    await untilCaptured({ pulse: other }, 1);
    assert.equal(await one.metric('pulse_events_stored_total'), 0);
    for (const pulse of [one, other]) assert.deepEqual(await pulse.gaps(), []);
  }
});

scenario('a_project_that_is_told_to_stop_at_another_database_stops_and_serves_what_is_stored', async (s) => {
  const setup = await setUpStored(s, { env: { PULSE_ON_ANOTHER_DATABASE: 'stop' } });
  const { pulse } = setup;
  const other = await anotherServer(s);
  pulse.launch({ database: other.socketUrl() });
  await pulse.ready();
  const status = await until('capture to stop', async () => {
    const now = await pulse.capture();
    return now.state === 'stopped' && now;
  });
  assert.match(status.problem, /another database is at the URL/);
  assert.deepEqual(await pulse.gaps(), []);
  const { rows } = await other.sql('SELECT pubname FROM pg_publication');
  assert.deepEqual(rows, [], 'nothing was made there');
  await readAll(setup, 'mail', 'stored');
  await pulse.terminate();
  // The right one again: nothing is missing.
  await pulse.start();
  await write(setup, 'next');
  await readAll(setup, 'mail', 'next');
  assert.deepEqual(await pulse.gaps(), []);
});

scenario('persistence_off_with_another_database_leaves_what_is_stored_the_first_ones', async (s) => {
  const setup = await setUpStored(s);
  const { pulse } = setup;
  const other = await anotherServer(s);
  await pulse.start({ database: other.socketUrl(), env: { PULSE_EVENT_PERSISTENCE: 'off' } });
  await pulse.terminate();
  await pulse.start();
  await write(setup, 'next');
  await readAll(setup, 'mail', 'stored', 'next');
  assert.deepEqual(await pulse.gaps(), []);
});

scenario('a_database_set_back_to_a_copy_of_its_files_is_a_gap_and_what_it_writes_again_is_delivered', async (s) => {
  const setup = await setUp(s);
  const { pulse, postgres } = setup;
  await readNew(setup, 'mail', 'before');
  const files = new DatabaseFiles(postgres);
  await files.backUp();
  await pulse.capturing();
  await postgres.sql(
    "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) FROM generate_series(1, 20)",
  );
  await write(setup, 'not in the copy');
  await readAll(setup, 'mail', 'not in the copy');
  await pulse.terminate();
  await files.restore();
  await pulse.start();
  const gap = await theGap(pulse, 'set_back');
  await write(setup, 'written again');
  await untilCaptured(setup, 1);
  assert.equal((await refused(setup, 'mail')).details?.gap?.id, gap.id);
  await pulse.acceptGap(gap.id);
  // What the copy's slot had not confirmed yet comes once more, as an event of this history.
  await readThrough(setup, 'mail', 'written again', 'before');
  await pulse.terminate();
  await pulse.start();
  assert.equal((await pulse.gaps()).length, 1);
});
