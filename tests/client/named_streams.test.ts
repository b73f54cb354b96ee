// Named streams of the real client: what is acknowledged stays acknowledged, what is not comes again.
import assert from 'node:assert/strict';

import { scenario } from '../harness/scenario.js';
import { sleep, within } from '../harness/wait.js';
import { type RealClient, setUp, take } from './real_client.js';

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
const create = (prisma: RealClient, list: string[]): Promise<unknown> =>
  prisma.writer.createMany({ data: list.map((name) => ({ name })) });
const nameOf = (event: { action: string } & object): string =>
  'created' in event ? (event.created as { name: string }).name : event.action;

scenario('a_stream_that_was_left_resumes_at_the_event_in_hand', async (s) => {
  const { prisma } = await setUp(s);
  const first = await prisma.writer.stream({ name: 'reader' });
  await create(prisma, names('a', 10));
  const seen = await take(first, 4);
  assert.deepEqual(seen.map(nameOf), ['a0', 'a1', 'a2', 'a3']);

  // Written while nobody reads.
  await create(prisma, names('b', 5));
  const again = await take(await prisma.writer.stream({ name: 'reader' }), 12);
  // The fourth was in hand when the loop was left, so it was not acknowledged.
  assert.deepEqual(again.map(nameOf), [...names('a', 10).slice(3), ...names('b', 5)]);
  assert.equal(again[0]?.id, seen[3]?.id, 'with the id it had');
});

scenario('a_loop_body_that_throws_gets_the_event_again', async (s) => {
  const { prisma } = await setUp(s);
  const stream = await prisma.writer.stream({ name: 'fragile' });
  await create(prisma, names('a', 5));
  const done: string[] = [];
  await assert.rejects(async () => {
    for await (const event of stream) {
      if (nameOf(event) === 'a2') throw new Error('the effect failed');
      done.push(nameOf(event));
    }
  }, /the effect failed/);
  const rest = await take(await prisma.writer.stream({ name: 'fragile' }), 3);
  assert.deepEqual([...done, ...rest.map(nameOf)], names('a', 5));
});

scenario('acknowledged_out_of_order_the_cursor_moves_over_the_unbroken_run_only', async (s) => {
  const { prisma } = await setUp(s);
  const stream = await prisma.writer.stream({ name: 'parallel' });
  await create(prisma, names('a', 6));
  const reader = stream.getReader();
  const ids: string[] = [];
  for (let n = 0; n < 6; n++) ids.push((await reader.read()).value?.id ?? '');
  // 0 and 1 are an unbroken run; 3 and 5 lie beyond an event that is not acknowledged.
  for (const n of [1, 3, 0, 5]) stream.acknowledgeEvent(ids[n] as string);
  await sleep(200);
  stream.stop();
  await reader.cancel();

  // What was acknowledged on the earlier connection counts: only 2 and 4 are still to be done. The cursor lies before 2.
  const again = await prisma.writer.stream({ name: 'parallel' });
  await create(prisma, ['end']);
  const rest: string[] = [];
  for await (const event of again) {
    rest.push(nameOf(event));
    if (nameOf(event) === 'end') break;
  }
  assert.ok(rest.includes('a2') && rest.includes('a4'), rest.join());
  assert.ok(!rest.includes('a0') && !rest.includes('a1'), rest.join());
  assert.deepEqual(rest, [...rest].sort(), 'in order');
});

scenario('unnamed_streams_and_new_names_start_now', async (s) => {
  const { prisma } = await setUp(s);
  const early = await prisma.writer.stream();
  await create(prisma, names('early', 5));
  // "Now" is how far the server has come: what was committed a moment ago may still be on its way.
  await take(early, 5);
  const named = await prisma.writer.stream({ name: 'new' });
  const unnamed = await prisma.writer.stream();
  const subscription = await prisma.writer.subscribe();
  await create(prisma, names('late', 3));
  for (const stream of [named, unnamed, subscription]) {
    assert.deepEqual((await take(stream, 3)).map(nameOf), names('late', 3));
  }
});

scenario('names_are_separate_and_belong_to_their_table', async (s) => {
  const { prisma } = await setUp(s);
  const writersA = await prisma.writer.stream({ name: 'a' });
  const writersB = await prisma.writer.stream({ name: 'b' });
  const tagsA = await prisma.tag.stream({ name: 'a' });
  await create(prisma, names('w', 3));
  await prisma.tag.create({ data: { label: 't' } });
  assert.deepEqual((await take(writersA, 3)).map(nameOf), names('w', 3));
  assert.deepEqual((await take(writersB, 2)).map(nameOf), names('w', 2));
  assert.deepEqual((await take(await prisma.writer.stream({ name: 'a' }), 1)).map(nameOf), ['w2']);
  assert.deepEqual((await take(await prisma.writer.stream({ name: 'b' }), 2)).map(nameOf), ['w1', 'w2']);
  assert.equal((await take(tagsA, 1))[0]?.action, 'create');
});

scenario('a_second_consumer_on_a_name_waits_while_the_first_is_served', async (s) => {
  const { prisma } = await setUp(s);
  const first = await prisma.writer.stream({ name: 'one-at-a-time' });
  const second = await prisma.writer.stream({ name: 'one-at-a-time' });
  let secondGot = 0;
  const waiting = second.getReader();
  void waiting.read().then(
    ({ done }) => {
      if (!done) secondGot++;
    },
    () => {},
  );
  await create(prisma, names('a', 20));
  const serving = first.getReader();
  for (const name of names('a', 20)) {
    const { value } = await serving.read();
    assert.ok(value !== undefined);
    assert.equal(nameOf(value), name);
    first.acknowledgeEvent(value.id);
  }
  assert.equal(secondGot, 0);
  second.stop();
  first.stop();
});

scenario('an_application_that_reopens_its_stream_misses_nothing_when_the_server_is_killed', async (s) => {
  const { prisma, pulse } = await setUp(s);
  const total = 300;
  const seen: string[] = [];
  let opened = 0;
  // Opened once before anything is written: a new name starts now.
  let stream = await prisma.writer.stream({ name: 'loyal' });
  const consuming = (async () => {
    for (;;) {
      opened++;
      try {
        for await (const event of stream) {
          seen.push(nameOf(event));
          if (new Set(seen).size === total) return;
        }
      } catch {
        // A refused reconnect ends the official iterator: the application opens a new one.
      }
      for (;;) {
        try {
          stream = await prisma.writer.stream({ name: 'loyal' });
          break;
        } catch {
          await sleep(100);
        }
      }
    }
  })();
  for (let round = 0; round < 3; round++) {
    await create(prisma, names(`r${round}-`, 50));
    await pulse.kill();
    await create(prisma, names(`s${round}-`, 50));
    // Longer than the client's pause before it connects again: it is refused, and its iterator ends.
    if (round > 0) await sleep(1500);
    await pulse.start();
  }
  await within('every row', 60_000, consuming);
  const first = [...new Set(seen)];
  const expected = [0, 1, 2].flatMap((round) => [...names(`r${round}-`, 50), ...names(`s${round}-`, 50)]);
  assert.deepEqual(first, expected);
  assert.ok(opened > 1, 'the official iterator has ended at least once');
  s.note(`${seen.length - total} redelivered, opened ${opened} times`);
});
