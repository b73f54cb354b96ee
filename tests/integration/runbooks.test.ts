// Each runbook of docs/how-to/runbooks, in its situation: the test runs its commands as printed. A block that no test
// runs is an error.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Setup, setUp } from '../client/real_client.js';
import { DatabaseFiles } from '../harness/database_files.js';
import { readAll, readNew, readThrough, refused, theGap, untilCaptured, write } from '../harness/gaps.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { pushSchema } from '../harness/prisma.js';
import { type Block, Operator, readRunbooks } from '../harness/runbook.js';
import { scenario as anyScenario, type Scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const books = readRunbooks();

// PostgreSQL 12 has no limit for slots, and a standby there must be restarted to leave its primary: the document says so.
const scenario: typeof anyScenario = (name, body, options) => {
  anyScenario(name, body, { from: 13, ...options });
};
const used = new Set<Block>();

// The commands of a runbook, one block after the other.
function pages(title: string): { next: () => Block; skip: (count: number) => void } {
  const blocks = books.get(title);
  assert.ok(blocks !== undefined, `docs/how-to/runbooks has no page "${title}"`);
  let at = 0;
  return {
    next: () => {
      const block = blocks[at++];
      assert.ok(block !== undefined, `"${title}" has ${blocks.length} blocks`);
      used.add(block);
      return block;
    },
    skip: (count) => void (at += count),
  };
}

async function setUpOperator(
  s: Scenario,
  options: Parameters<typeof setUp>[1] = {},
): Promise<Setup & { operator: Operator }> {
  const setup = await setUp(s, options);
  return { ...setup, operator: await Operator.of(s, setup.pulse, setup.postgres.url()) };
}

// "A gap is open", for a consumer that waits before it.
async function acceptAsWritten(setup: Setup & { operator: Operator }, kind: string): Promise<void> {
  const { operator, pulse } = setup;
  const page = pages('A gap is open');
  const gap = await theGap(pulse, kind);
  assert.match(await operator.run(page.next()), new RegExp(`^${gap.id} +${kind} `, 'm'));
  assert.match(await operator.run(page.next()), /accepted gap 1 /);
  const listed = await operator.run(page.next());
  assert.match(listed, new RegExp(`^1 +${kind} .* \\S+ +\\S+\\n`, 'm'));
  assert.match(listed, /^cursors$/m);
  assert.equal(await pulse.metric('pulse_gaps_open'), 0);
}

const slotFacts = async ({ postgres }: Pick<Setup, 'postgres'>): Promise<{ active: boolean; wal_status: string }> => {
  const { rows } = await postgres.sql(
    "SELECT active, wal_status FROM pg_replication_slots WHERE slot_name = 'pulse_default'",
  );
  return rows[0] as { active: boolean; wal_status: string };
};

const fillWal =
  "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)); SELECT pg_switch_wal(); CHECKPOINT";

scenario('slot_lost', async (s) => {
  const setup = await setUpOperator(s, { settings: { max_slot_wal_keep_size: '1MB', wal_keep_size: '0' } });
  const { operator, pulse, postgres } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  await until('the slot to be lost', async () => {
    await postgres.sql(fillWal);
    return (await slotFacts(setup)).wal_status === 'lost';
  });
  await pulse.start();
  assert.equal((await refused(setup, 'mail')).code, 'P6100');

  const page = pages('The slot was lost');
  const facts = page.next();
  assert.match(await operator.run(facts), /^\w+\|.*\|1MB$/m);
  await operator.run(page.next());
  await acceptAsWritten(setup, 'slot_lost');
  await write(setup, 'behind');
  await readAll(setup, 'mail', 'behind');
  assert.match(await operator.run(facts), /^reserved\|.*\|50GB$/m);
});

// Its text is that of an enum's label, which it never is: PostgreSQL stores such a value and cannot write it.
const unwritable = `
  CREATE TYPE unwritable;
  CREATE FUNCTION unwritable_in(cstring) RETURNS unwritable AS 'int4in' LANGUAGE internal IMMUTABLE STRICT;
  CREATE FUNCTION unwritable_out(unwritable) RETURNS cstring AS 'enum_out' LANGUAGE internal IMMUTABLE STRICT;
  CREATE TYPE unwritable (INPUT = unwritable_in, OUTPUT = unwritable_out, LIKE = int4);
  CREATE TABLE odd (id int PRIMARY KEY, value unwritable)`;

scenario('postgresql_cannot_send_a_change', async (s) => {
  const setup = await setUpOperator(s, { sql: unwritable });
  const { operator, postgres } = setup;
  await readNew(setup, 'mail', 'before');
  await postgres.sql(`INSERT INTO odd VALUES (1, '7')`);
  await write(setup, 'behind');

  const page = pages('PostgreSQL cannot send a change');
  const look = page.next();
  operator.variables.LSN = await until('capture to stop', async () => {
    const told = await operator.run(look);
    return /PostgreSQL cannot send the change at (\S+) of .*invalid internal value for enum/.exec(told)?.[1];
  });
  assert.match(await operator.run(page.next()), /skipped the change at/);
  await operator.run(page.next());
  await acceptAsWritten(setup, 'skipped');
  await readAll(setup, 'mail', 'behind');
});

scenario('disk_full', async (s) => {
  // The project's own limit fills up as a disk does, and can be reached by a user who may not mount one.
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, body text)');
  const configured = (bytes: string): string => `
    segment_bytes = "1MiB"
    storage_max = "4MiB"
    retention_bytes = "${bytes}"
    [projects.default]
    database = "${postgres.url()}"
  `;
  const pulse = await s.pulse({ config: configured('1GiB') });
  const operator = await Operator.of(s, pulse, postgres.url());
  const insert = (from: number): Promise<unknown> =>
    postgres.sql(`INSERT INTO rows SELECT n, (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 32) m)
                  FROM generate_series(${from}, ${from + 999}) n`);
  let next = 1;
  await until('the limit to be reached', async () => {
    await insert(next);
    next += 1000;
    return /storage_max/.test((await pulse.capture()).problem);
  });
  const stuck = await pulse.metric('pulse_capture_confirmed_lsn_bytes');
  // Also without a stream from the database, which comes again when there is room.
  await postgres.stop('immediate');
  await postgres.start();

  const page = pages('The disk of the data directory is full');
  assert.match(await operator.run(page.next()), /%/);
  assert.match(await operator.run(page.next()), /^\d+ \w+$/m);
  pulse.configure(configured('2MiB'));
  await operator.run(page.next());
  await operator.run(page.next());
  await until('everything to be stored', async () => (await pulse.metric('pulse_events_stored_total')) === next - 1);
  assert.ok((await pulse.metric('pulse_capture_confirmed_lsn_bytes')) > stuck);
});

scenario('pulse_down_for_hours', async (s) => {
  const setup = await setUpOperator(s);
  const { operator, pulse, postgres } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  const names = Array.from({ length: 50 }, (_, index) => `missed ${index}`);
  await write(setup, ...names);
  for (let n = 0; n < 4; n++) await postgres.sql(fillWal);
  await until('the slot to be let go of', async () => !(await slotFacts(setup)).active);

  const page = pages('Pulse was down for hours');
  assert.match(await operator.run(page.next()), /^(reserved|extended)\|\d+ MB\|/m);
  await operator.run(page.next());
  page.skip(1);
  await readAll(setup, 'mail', ...names);
  const listed = await operator.run(page.next());
  assert.match(listed, /^pulse_capture_connected\{.*\} 1$/m);
  assert.match(listed, /^public\.Writer +mail +kept /m);
  assert.deepEqual(await pulse.gaps(), []);
});

scenario('pulse_cannot_be_started_before_the_databases_disk_is_full', async (s) => {
  const setup = await setUpOperator(s);
  const { operator, pulse } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  await write(setup, 'missed');
  await until('the slot to be let go of', async () => !(await slotFacts(setup)).active);
  const page = pages('Pulse was down for hours');
  page.skip(2);
  await operator.run(page.next());
  assert.equal(await slotFacts(setup), undefined);
  await pulse.start();
  await acceptAsWritten(setup, 'slot_missing');
  await write(setup, 'behind');
  await readAll(setup, 'mail', 'behind');
});

interface Pair extends Setup {
  operator: Operator;
  standby: Postgres;
}

async function setUpPair(s: Scenario): Promise<Pair> {
  const setup = await setUpOperator(s);
  const { postgres, pulse, operator } = setup;
  await pulse.terminate();
  const standby = await s.standbyOf(postgres);
  const either = `postgresql://postgres@127.0.0.1:${postgres.port},127.0.0.1:${standby.port}/postgres?target_session_attrs=read-write`;
  await pulse.start({ database: either });
  operator.on('stop postgresql', () => postgres.stop('fast'));
  return { ...setup, standby };
}

scenario('promotion_on_purpose', async (s) => {
  const pair = await setUpPair(s);
  const { operator, pulse, standby } = pair;
  await readNew(pair, 'mail', 'before');
  await write(pair, 'last of the old primary');
  const page = pages('A standby is promoted');
  await operator.run(page.next());
  await operator.run(page.next(), standby.url());
  assert.match(await operator.run(page.next()), /^1 +slot_missing /m);
  await operator.run(page.next());
  await write({ postgres: standby }, 'first of the new primary');
  await untilCaptured(pair, 3);
  await readAll(pair, 'mail', 'last of the old primary', 'first of the new primary');
  assert.equal(await pulse.metric('pulse_gaps_open'), 0);
});

scenario('promotion_after_a_failure', async (s) => {
  const pair = await setUpPair(s);
  const { operator, pulse, postgres, standby } = pair;
  await readNew(pair, 'mail', 'before');
  await standby.caughtUpWith(postgres);
  await standby.disconnect();
  await write(pair, 'vanished');
  await readAll(pair, 'mail', 'vanished');
  await postgres.stop('immediate');
  const page = pages('A standby is promoted');
  page.skip(1);
  await operator.run(page.next(), standby.url());
  assert.match(await operator.run(page.next()), /1 orphaned event\(s\)/);
  await acceptAsWritten(pair, 'forked');
  await write({ postgres: standby }, 'behind');
  await readAll(pair, 'mail', 'behind');
  assert.equal((await pulse.capture()).problem, '');
});

const restored = 'Restored from a backup';

scenario('restore_of_the_data_directory', async (s) => {
  const setup = await setUpOperator(s);
  const { operator, pulse } = setup;
  await readNew(setup, 'mail', 'in the backup');
  const page = pages(restored);
  await operator.run(page.next());
  await pulse.capturing();
  await write(setup, 'captured since');
  await untilCaptured(setup, 1);
  assert.match(await operator.run(page.next()), /^1 +slot_ahead /m);
  await acceptAsWritten(setup, 'slot_ahead');
  await write(setup, 'behind');
  await readAll(setup, 'mail', 'behind');
});

scenario('loss_of_the_data_directory_without_a_backup', async (s) => {
  const setup = await setUpOperator(s);
  const { operator } = setup;
  await readNew(setup, 'mail', 'before');
  const page = pages(restored);
  page.skip(2);
  assert.match(await operator.run(page.next()), /^1 +log_lost /m);
  await readNew(setup, 'mail', 'after');
  await acceptAsWritten(setup, 'log_lost');
});

scenario('restore_of_the_database_by_recovery', async (s) => {
  const setup = await setUpOperator(s);
  const { pulse, postgres } = setup;
  await readNew(setup, 'mail', 'before');
  const files = new DatabaseFiles(postgres);
  await files.backUp();
  await pulse.capturing();
  await write(setup, 'vanished');
  await readAll(setup, 'mail', 'vanished');
  // As pg_basebackup leaves them out, the slots are not in it.
  await files.restore(`&& rm -rf "$0"/pg_replslot/* && cp --preserve=ownership --attributes-only "$0/PG_VERSION" "$0/recovery.signal" &&
    echo "restore_command = 'false'" >> "$0/postgresql.conf"`);
  await until('recovery to end', async () => {
    const { rows } = await postgres.sql('SELECT pg_is_in_recovery() AS still');
    return !(rows[0] as { still: boolean }).still;
  });
  await pulse.capturing(60_000);
  await acceptAsWritten(setup, 'forked');
  await write(setup, 'behind');
  await readAll(setup, 'mail', 'behind');
});

scenario('restore_of_the_database_without_a_timeline_of_its_own', async (s) => {
  const setup = await setUpOperator(s);
  const { pulse, postgres } = setup;
  await readNew(setup, 'mail', 'before');
  const files = new DatabaseFiles(postgres);
  await files.backUp();
  await pulse.capturing();
  await postgres.sql(fillWal);
  await write(setup, 'vanished');
  await readAll(setup, 'mail', 'vanished');
  await files.restore();
  await pulse.capturing(60_000);
  await acceptAsWritten(setup, 'set_back');
  await write(setup, 'behind');
  await readThrough(setup, 'mail', 'behind', 'before');
});

scenario('load_of_the_database_from_a_dump', async (s) => {
  const setup = await setUpOperator(s);
  const { pulse } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  const other = await s.postgres({ ownIdentity: true });
  await pushSchema(other, 'tests/client');
  await pulse.start({ database: other.url() });
  await acceptAsWritten(setup, 'another_database');
  await write({ postgres: other }, 'behind');
  await readAll(setup, 'mail', 'behind');
});

scenario('the_url_was_wrong', async (s) => {
  const setup = await setUpOperator(s);
  const { operator, pulse } = setup;
  await readNew(setup, 'mail', 'before');
  await pulse.terminate();
  const wrong = await s.postgres({ ownIdentity: true });
  await pushSchema(wrong, 'tests/client');
  await pulse.start({ database: wrong.url() });
  await write({ postgres: wrong }, 'of the wrong one');
  await untilCaptured(setup, 1);
  await write(setup, 'meanwhile');
  await pulse.terminate();
  await pulse.start();
  const back = await until('the second gap', async () => {
    const gaps = await pulse.gaps();
    return gaps.length === 2 && gaps.find(({ id, through }) => id === 2 && through !== null);
  });
  operator.variables.THROUGH = back.through?.lsn ?? '';
  const page = pages(restored);
  page.skip(3);
  assert.match(await operator.run(page.next()), /accepted gap 2 /);
  await readAll(setup, 'mail', 'meanwhile');
});

void test('every_block_of_the_runbooks_has_been_run', { skip: postgresMajor < 13 }, () => {
  const unused = [...books].flatMap(([title, blocks]) =>
    blocks.filter((block) => !used.has(block)).map(({ text }) => `${title}: ${text}`),
  );
  assert.deepEqual(unused, []);
  assert.ok(books.size >= 6);
});
