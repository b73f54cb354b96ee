// SIGUSR2: the server makes way for the program that stands in its place now, and the published client does not notice.
import assert from 'node:assert/strict';

import { scenario } from '../harness/scenario.js';
import { sleep, until, within } from '../harness/wait.js';
import { setUp } from './real_client.js';

const handOvers = 10;
const bodyMsMost = 200;

scenario('official_iterators_live_through_ten_hand_overs_under_load', async (s) => {
  const { prisma, pulse } = await setUp(s);
  const pid = pulse.process.pid;
  const consumers = await Promise.all(
    ['one', 'two', 'three'].map(async (name) => ({
      name,
      seen: [] as string[],
      ended: undefined as string | undefined,
      stream: await prisma.writer.stream({ name }),
    })),
  );
  for (const consumer of consumers) {
    void (async () => {
      try {
        for await (const event of consumer.stream) {
          if (event.action !== 'create') continue;
          await sleep(s.random.between(0, bodyMsMost));
          consumer.seen.push(event.created.name);
        }
        consumer.ended = 'it ended';
      } catch (reason) {
        consumer.ended = String(reason);
      }
    })();
  }
  s.atEnd(() => {
    for (const { stream } of consumers) stream.stop();
  });

  const written: string[] = [];
  let writing = true;
  // Less than the consumers can take, now one at a time and now several.
  const load = (async () => {
    while (writing) {
      const names = Array.from({ length: 1 + s.random.between(0, 3) }, (_, n) => `w${written.length + n}`);
      await prisma.writer.createMany({ data: names.map((name) => ({ name })) });
      written.push(...names);
      await sleep(150 * names.length);
    }
  })();

  const served = (): number => pulse.process.output.split('serving').length - 1;
  for (let round = 1; round <= handOvers; round++) {
    const before = served();
    await sleep(s.random.between(0, 500));
    pulse.process.signal('SIGUSR2');
    await until('the next process to serve', () => served() > before, { timeoutMs: 30_000 });
    await pulse.ready();
    const reached = written.length;
    await until('what was written meanwhile', () => consumers.every(({ seen }) => new Set(seen).size >= reached), {
      timeoutMs: 30_000,
    });
    for (const { name, ended } of consumers) assert.equal(ended, undefined, `round ${round}, ${name}`);
  }
  writing = false;
  await load;
  await until('every event', () => consumers.every(({ seen }) => new Set(seen).size === written.length));
  for (const { name, seen, ended } of consumers) {
    assert.equal(ended, undefined, name);
    assert.deepEqual([...new Set(seen)], written, `${name}: every event, in order`);
    s.note(`${name}: ${written.length} events, ${seen.length - written.length} redelivered`);
  }
  assert.equal(pulse.process.pid, pid);
  assert.ok(pulse.process.running, 'a supervisor sees the process that it started');
  await within('the end', 15_000, pulse.terminate());
});
