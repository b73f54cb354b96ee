// Others alter, drop and remake what is published. What PostgreSQL did not send meanwhile is a gap of the tables that it
// concerns, and what is Pulse's own is put right: no stream is ever silent about it.
import assert from 'node:assert/strict';

import { setUp, take } from '../client/real_client.js';
import type { Consumer, Refused } from '../harness/consumer.js';
import { readAll, readNew, refused, refusedUntilAccepted, theGap, write } from '../harness/gaps.js';
import { defineModel } from '../harness/model.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Gap, Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { changeState } from '../harness/state.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int', text: 'String?' });
const other = defineModel('Other', 'other', { id: 'Int' });
const tables = `CREATE TABLE rows (id int PRIMARY KEY, text text); CREATE TABLE other (id int PRIMARY KEY)`;

interface Own {
  postgres: Postgres;
  pulse: Pulse;
}

// A publication of the user's own, of both tables.
async function ownPublication(s: Scenario, made = 'CREATE PUBLICATION own FOR TABLE rows, other'): Promise<Own> {
  const postgres = await s.postgres();
  await postgres.sql(`${tables}; ${made}`);
  const pulse = await s.pulse({ database: postgres.socketUrl(), env: { PULSE_PUBLICATION: 'own' } });
  return { postgres, pulse };
}

async function readAndClose(consumer: Consumer, ids: number[]): Promise<void> {
  await consumer.untilReceived(ids.length);
  assert.deepEqual(
    consumer.frames.map((frame) => (frame.created ?? frame.after)?.['id']),
    ids,
  );
  await consumer.close();
}

const open = (s: Scenario, pulse: Pulse, name: string, model = row): Promise<Consumer> =>
  s.consumer(pulse, { model, name });

async function begin(s: Scenario, { postgres, pulse }: Own): Promise<void> {
  for (const [model, table] of [
    [row, 'rows'],
    [other, 'other'],
  ] as const) {
    const reader = await open(s, pulse, 'reader', model);
    await postgres.sql(`INSERT INTO ${table} VALUES (1)`);
    await readAndClose(reader, [1]);
  }
}

const untilEnded = (reader: Consumer): Promise<unknown> => until('the stream to end', () => reader.closes.length !== 0);

const untilGap = (pulse: Pulse): Promise<Gap> =>
  until('a gap', async () => {
    const gaps = await pulse.gaps();
    return gaps.length !== 0 && (gaps[0] as Gap);
  });

async function assertBarred(s: Scenario, pulse: Pulse, model = row): Promise<void> {
  await assert.rejects(open(s, pulse, 'reader', model), (why: Refused) => {
    assert.deepEqual([why.status, why.json().code], [409, 'P6100'], JSON.stringify(why.json()));
    assert.equal((why.json().details as { gap: Gap }).gap.kind, 'unpublished');
    return true;
  });
}

scenario('a_table_taken_out_of_a_publication_and_added_again_is_a_gap_of_that_table_alone', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  await postgres.sql('ALTER PUBLICATION own DROP TABLE rows');
  await postgres.sql('INSERT INTO rows VALUES (2); INSERT INTO other VALUES (2)');
  const begun = await untilGap(pulse);
  assert.equal(begun.through, null);
  assert.match(begun.reason, /public\.rows/);
  await postgres.sql('ALTER PUBLICATION own ADD TABLE rows');
  const gap = await theGap(pulse, 'unpublished');
  await postgres.sql('INSERT INTO rows VALUES (3)');
  await assertBarred(s, pulse);
  // Nobody else is concerned.
  await readAndClose(await open(s, pulse, 'reader', other), [2]);
  // A new stream begins behind it.
  const late = await open(s, pulse, 'late');
  await postgres.sql('INSERT INTO rows VALUES (4)');
  await readAndClose(late, [4]);
  await pulse.acceptGap(gap.id);
  await readAndClose(await open(s, pulse, 'reader'), [3, 4]);
});

scenario('an_open_stream_ends_with_the_gap_and_a_new_one_is_refused_with_what_mends_it', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  const reader = await open(s, pulse, 'reader');
  await postgres.sql('ALTER PUBLICATION own DROP TABLE rows');
  await untilEnded(reader);
  await assert.rejects(open(s, pulse, 'another'), (why: Refused) => {
    assert.equal(why.status, 404, JSON.stringify(why.json()));
    assert.match(JSON.stringify(why.json()), /ALTER PUBLICATION/);
    return true;
  });
});

scenario('what_was_altered_and_undone_between_two_looks_is_a_gap_too', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  const client = await postgres.connect();
  await client.query('ALTER PUBLICATION own DROP TABLE rows');
  await client.query('INSERT INTO rows VALUES (2)');
  await client.query('ALTER PUBLICATION own ADD TABLE rows');
  await client.end();
  await theGap(pulse, 'unpublished');
  await assertBarred(s, pulse);
});

scenario('what_was_altered_while_pulse_was_away_is_a_gap_at_the_next_start', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  await pulse.terminate();
  await postgres.sql("ALTER PUBLICATION own SET (publish = 'insert')");
  await postgres.sql('UPDATE rows SET id = 7');
  await postgres.sql("ALTER PUBLICATION own SET (publish = 'insert, update, delete, truncate')");
  await pulse.start();
  const gap = await theGap(pulse, 'unpublished');
  assert.match(gap.reason, /UPDATE/);
  await assertBarred(s, pulse);
  await assertBarred(s, pulse, other);
  await pulse.acceptGap(gap.id);
  // Told once.
  await pulse.terminate();
  await pulse.start();
  const reader = await open(s, pulse, 'reader');
  await postgres.sql('INSERT INTO rows VALUES (8)');
  await readAndClose(reader, [8]);
  assert.equal((await pulse.gaps()).length, 1);
});

scenario('a_gap_that_the_state_store_refuses_for_a_while_is_told_all_the_same', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  changeState(pulse, "CREATE TRIGGER refuses BEFORE INSERT ON gaps BEGIN SELECT RAISE(ABORT, 'full'); END");
  await postgres.sql('ALTER PUBLICATION own DROP TABLE rows; INSERT INTO rows VALUES (2)');
  await until('it is refused', () => /publications not compared.*full/.test(pulse.process.output));
  // Others get their answers meanwhile.
  const reader = await open(s, pulse, 'reader', other);
  await reader.close();
  changeState(pulse, 'DROP TRIGGER refuses');
  await untilGap(pulse);
  await postgres.sql('ALTER PUBLICATION own ADD TABLE rows');
  await theGap(pulse, 'unpublished');
  await assertBarred(s, pulse);
  assert.equal(pulse.process.output.match(/publications not compared/g)?.length, 1);
});

scenario('a_table_that_is_dropped_while_it_is_not_sent_ends_its_gap', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  await postgres.sql('ALTER PUBLICATION own DROP TABLE rows; INSERT INTO rows VALUES (2)');
  assert.equal((await untilGap(pulse)).through, null);
  await postgres.sql('DROP TABLE rows');
  await theGap(pulse, 'unpublished');
});

scenario('a_transaction_that_wrote_while_it_was_not_sent_is_within_the_gap_whenever_it_commits', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  await postgres.sql('ALTER PUBLICATION own DROP TABLE rows');
  const slow = await postgres.connect();
  await slow.query('BEGIN; INSERT INTO rows VALUES (2)');
  await untilGap(pulse);
  await postgres.sql('ALTER PUBLICATION own ADD TABLE rows');
  await postgres.sql('INSERT INTO rows VALUES (3)');
  // The gap has not ended as long as the transaction has not.
  await until('the row behind it to be captured', async () => (await pulse.metric('pulse_events_captured_total')) >= 3);
  assert.equal((await untilGap(pulse)).through, null);
  await slow.query('COMMIT');
  await slow.end();
  const gap = await theGap(pulse, 'unpublished');
  const { rows } = await postgres.sql(`SELECT pg_current_wal_insert_lsn() >= '${gap.through?.lsn ?? ''}' AS behind`);
  assert.deepEqual(rows, [{ behind: true }]);
  await assertBarred(s, pulse);
});

if (postgresMajor >= 15) {
  scenario('a_filter_or_a_list_of_columns_that_comes_is_a_gap', async (s) => {
    const own = await ownPublication(s);
    const { postgres, pulse } = own;
    await begin(s, own);
    await postgres.sql('ALTER PUBLICATION own SET TABLE rows (id) WHERE (id > 100), other');
    await postgres.sql('INSERT INTO rows VALUES (2)');
    await untilGap(pulse);
    await assertBarred(s, pulse);
    await postgres.sql('ALTER PUBLICATION own SET TABLE rows, other');
    await theGap(pulse, 'unpublished');
  });
}

scenario('a_table_made_again_that_the_publication_does_not_have_is_a_gap_until_it_has', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  const reader = await open(s, pulse, 'reader');
  await postgres.sql('DROP TABLE rows; CREATE TABLE rows (id int PRIMARY KEY, text text)');
  await postgres.sql('INSERT INTO rows VALUES (2)');
  await untilEnded(reader);
  await assert.rejects(open(s, pulse, 'reader'), (why: Refused) => why.status === 404);
  await postgres.sql('ALTER PUBLICATION own ADD TABLE rows');
  const gap = await theGap(pulse, 'unpublished');
  await assertBarred(s, pulse);
  await postgres.sql('INSERT INTO rows VALUES (3)');
  await pulse.acceptGap(gap.id);
  await readAndClose(await open(s, pulse, 'reader'), [3]);
});

scenario('a_table_swapped_in_by_renaming_that_the_publication_does_not_have_is_a_gap', async (s) => {
  const own = await ownPublication(s);
  const { postgres, pulse } = own;
  await begin(s, own);
  await postgres.sql(`CREATE TABLE built (id int PRIMARY KEY, text text);
                      BEGIN; ALTER TABLE rows RENAME TO rows_old; ALTER TABLE built RENAME TO rows; COMMIT`);
  await postgres.sql('INSERT INTO rows VALUES (2)');
  const gap = await untilGap(pulse);
  assert.equal(gap.kind, 'unpublished');
  assert.match(gap.reason, /public\.rows\b/);
});

scenario('a_dropped_publication_of_ones_own_is_told_and_capture_goes_on_when_it_is_made_again', async (s) => {
  const own = await ownPublication(s, 'CREATE PUBLICATION own FOR ALL TABLES');
  const { postgres, pulse } = own;
  await begin(s, own);
  await postgres.sql('DROP PUBLICATION own');
  await postgres.sql('INSERT INTO rows VALUES (2)');
  await untilGap(pulse);
  await postgres.sql('CREATE PUBLICATION own FOR ALL TABLES');
  const gap = await theGap(pulse, 'unpublished');
  await until('capture to stream again', async () => (await pulse.capture()).connected, { timeoutMs: 60_000 });
  await postgres.sql('INSERT INTO rows VALUES (3)');
  await pulse.acceptGap(gap.id);
  await readAndClose(await open(s, pulse, 'reader'), [3]);
});

scenario(
  'a_publication_made_again_for_fewer_tables_is_a_gap_without_an_end_only_of_those_that_it_leaves_out',
  async (s) => {
    const own = await ownPublication(s, 'CREATE PUBLICATION own FOR ALL TABLES');
    const { postgres, pulse } = own;
    await begin(s, own);
    await postgres.sql('DROP PUBLICATION own; INSERT INTO rows VALUES (2)');
    await untilGap(pulse);
    await postgres.sql('CREATE PUBLICATION own FOR TABLE rows');
    const [first, second] = await until('the gaps of all and of the other table', async () => {
      const gaps = await pulse.gaps();
      return gaps.length === 2 && gaps[0]?.through !== null && (gaps as [Gap, Gap]);
    });
    assert.equal(second.through, null);
    assert.match(second.reason, /public[.]other/);
    await until('capture to stream again', async () => (await pulse.capture()).connected, { timeoutMs: 60_000 });
    await postgres.sql('INSERT INTO rows VALUES (3); INSERT INTO other VALUES (2)');
    await pulse.acceptGap(first.id);
    await readAndClose(await open(s, pulse, 'reader'), [3]);
    await postgres.sql('ALTER PUBLICATION own ADD TABLE other');
    await until('the last gap to end', async () => (await pulse.gaps())[1]?.through !== null);
    await postgres.sql('INSERT INTO other VALUES (3)');
    await assertBarred(s, pulse, other);
    await pulse.acceptGap(second.id);
    await readAndClose(await open(s, pulse, 'reader', other), [3]);
  },
);

// What is written and not flushed yet is no place that the server has come to: a mark there looks like a database that was
// set back.
scenario(
  'a_publication_dropped_beside_commits_that_are_flushed_later_is_a_gap_of_what_was_not_sent_alone',
  async (s) => {
    const postgres = await s.postgres({ settings: { wal_writer_delay: '10s', wal_writer_flush_after: '1GB' } });
    await postgres.sql(`${tables}; CREATE PUBLICATION own FOR ALL TABLES`);
    const pulse = await s.pulse({ database: postgres.socketUrl(), env: { PULSE_PUBLICATION: 'own' } });
    await begin(s, { postgres, pulse });
    await postgres.sql('DROP PUBLICATION own; INSERT INTO rows VALUES (2)');
    await untilGap(pulse);
    await postgres.sql('CREATE PUBLICATION own FOR ALL TABLES');
    let written = 2;
    await until(
      'capture to stream again',
      async () => {
        await postgres.sql(`SET synchronous_commit = off; INSERT INTO rows VALUES (${++written})`);
        return (await pulse.capture()).connected && (await pulse.gaps()).every(({ through }) => through !== null);
      },
      { timeoutMs: 60_000, everyMs: 5 },
    );
    const gap = await theGap(pulse, 'unpublished');
    await pulse.acceptGap(gap.id);
  },
);

// PostgreSQL 12 to 17 can read nothing at all of what was written before a publication was made that is streamed by.
scenario('a_dropped_publication_of_one_table_is_told_wherever_changes_of_others_are_lost_with_it', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(tables);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await begin(s, { postgres, pulse });
  const { rows: lists } = await postgres.sql(
    `SELECT pubname FROM pg_publication_tables WHERE tablename = 'rows' AND pubname ~ '[.]rows'`,
  );
  await postgres.sql(`DROP PUBLICATION "${String(lists[0]?.pubname)}"; INSERT INTO other VALUES (2)`);
  await until('capture to stream again', async () => {
    const { rows } = await postgres.sql('INSERT INTO rows SELECT max(id) + 1 FROM rows RETURNING id');
    return (await pulse.metric('pulse_events_captured_total')) > 2 && (await pulse.capture()).connected && rows.length;
  });
  await until('the gaps to end', async () => (await pulse.gaps()).every(({ through }) => through !== null));
  if (postgresMajor >= 18) {
    await readAndClose(await open(s, pulse, 'reader', other), [2]);
  } else {
    await assertBarred(s, pulse, other);
  }
});

scenario('the_published_client_learns_of_the_gap_and_goes_on_behind_it', async (s) => {
  const setup = await setUp(s, { sql: 'CREATE PUBLICATION own FOR ALL TABLES', env: { PULSE_PUBLICATION: 'own' } });
  const { postgres, pulse, prisma } = setup;
  await readNew(setup, 'mail', 'before');
  const opened = await prisma.writer.stream({ name: 'open', create: {} });
  const waiting = take(opened, 1);
  await postgres.sql("ALTER PUBLICATION own SET (publish = 'update')");
  await write(setup, 'lost');
  await assert.rejects(waiting);
  assert.equal((await refused(setup, 'mail')).code, 'P6100');
  await postgres.sql("ALTER PUBLICATION own SET (publish = 'insert, update, delete, truncate')");
  const gap = await theGap(pulse, 'unpublished');
  await write(setup, 'behind');
  await refusedUntilAccepted(setup, 'mail', gap, 'behind');
  await write(setup, 'later');
  await readAll(setup, 'mail', 'later');
});
