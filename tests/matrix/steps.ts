// What an application does with the extension, and what must come of it, whatever its version and build.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { RandomRows } from '../client/random_rows.js';
import { comparable } from '../client/real_client.js';
import { sleep } from '../harness/wait.js';
import { begin, type Cell, type Event } from './cell.js';

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
const create = async ({ app }: Cell, list: string[]): Promise<void> => {
  await app.writer.createMany({ data: list.map((name) => ({ name })) });
};
const nameOf = (event: Event): unknown => (event.created ?? event.after ?? event.deleted)?.['name'];
const withoutId = ({ id: _id, ...event }: Event): unknown => comparable(event);

export async function subscriptionsGetWhatTheyAskFor({ app, prisma }: Cell): Promise<void> {
  const all = await begin(prisma.writer.subscribe());
  const filtered = await begin(
    prisma.writer.subscribe({ create: { name: 'wanted' }, update: { after: { name: 'wanted' } } }),
  );
  const deletes = await begin(prisma.writer.subscribe({ delete: {} }));
  const { id } = await app.writer.create({ data: { name: 'other' } });
  await app.writer.create({ data: { name: 'wanted' } });
  await app.writer.update({ where: { id }, data: { name: 'wanted' } });
  await app.writer.update({ where: { id }, data: { name: 'other again' } });
  await app.writer.delete({ where: { id } });
  const short = (events: Event[]): string[] => events.map((event) => `${event.action} ${String(nameOf(event))}`);
  assert.deepEqual(short(await all.take(5)), [
    'create other',
    'create wanted',
    'update wanted',
    'update other again',
    'delete undefined',
  ]);
  assert.deepEqual(short(await filtered.take(2)), ['create wanted', 'update wanted']);
  const [deleted] = await deletes.take(1);
  assert.deepEqual(deleted?.deleted, { id });
  for (const loop of [all, filtered, deletes]) await loop.stop();
}

export async function modelsOfAnotherSchemaHaveTheirNames({ app, prisma }: Cell): Promise<void> {
  const loop = await begin(prisma.invoice.subscribe());
  const key = { customer_number: { customer: 7, number: 'A-1' } };
  await app.invoice.create({ data: { customer: 7, number: 'A-1', total: '12.50' } });
  await app.invoice.update({ where: key, data: { paid: true } });
  await app.invoice.delete({ where: key });
  const row = { customer: 7, number: 'A-1', total: { decimal: '12.5' } };
  assert.deepEqual((await loop.take(3)).map(withoutId), [
    { action: 'create', modelName: 'Invoice', created: { ...row, paid: false } },
    { action: 'update', modelName: 'Invoice', before: null, after: { ...row, paid: true } },
    { action: 'delete', modelName: 'Invoice', deleted: { customer: 7, number: 'A-1' } },
  ]);
  await loop.stop();
}

export async function aCutSubscriptionGoesOn(cell: Cell): Promise<void> {
  const loop = await begin(cell.prisma.writer.subscribe());
  await create(cell, ['before']);
  assert.equal(nameOf(await loop.next()), 'before');
  loop.ask();
  cell.proxy.cut();
  // When it is back is for the client to know: what is written until then is missed.
  let back = false;
  const after = loop.next().then((event) => {
    back = true;
    return event;
  });
  after.catch(() => {});
  for (let n = 0; !back && n < 100; n++) {
    await create(cell, [`after ${n}`]);
    await sleep(100);
  }
  assert.match(String(nameOf(await after)), /^after/);
  await loop.stop();
}

export async function namedStreamsResume(cell: Cell): Promise<void> {
  const { prisma, behaviour } = cell;
  const open = () => begin(prisma.writer.stream({ name: 'resumes', create: {}, delete: {} }));
  const first = await open();
  await create(cell, names('a', 6));
  const seen = await first.take(4);
  assert.deepEqual(seen.map(nameOf), names('a', 4));
  await first.stop();
  await create(cell, names('b', 3));

  // All of it waits for the stream when it opens.
  const left = behaviour.acknowledgesAtOnce ? ['a4', 'a5'] : ['a3', 'a4', 'a5'];
  const again = await open();
  const rest = await again.take(left.length + 3);
  assert.deepEqual(rest.map(nameOf), [...left, ...names('b', 3)]);
  if (!behaviour.acknowledgesAtOnce) assert.equal(rest[0]?.id, seen[3]?.id, 'with the id it had');
  await again.stop();
}

export async function aCutNamedStreamMissesNothing(cell: Cell): Promise<void> {
  const loop = await begin(cell.prisma.writer.stream({ name: 'cut', create: {} }));
  await create(cell, names('a', 3));
  const seen = await loop.take(3);
  loop.ask();
  cell.proxy.cut();
  await create(cell, names('b', 5));
  const fresh: Event[] = [];
  while (fresh.length < 5) {
    const event = await loop.next();
    // Acknowledgements can be lost with the connection.
    if (!seen.some(({ id }) => id === event.id)) fresh.push(event);
  }
  assert.deepEqual(fresh.map(nameOf), names('b', 5));
  await loop.stop();
}

export async function everyScalarTypeIsWhatPrismaReads({ app, prisma, version }: Cell, make: RandomRows) {
  const model = prisma.everything;
  const loop = await begin(version === '1.0.2' ? model.subscribe() : model.stream({ name: 'values' }));
  const expected: unknown[] = [];
  const read = async (id: number) => comparable(await app.everything.findUnique({ where: { id } }));
  for (let n = 0; n < 10; n++) {
    const { id } = await app.everything.create({ data: make.row(), select: { id: true } });
    expected.push({ action: 'create', modelName: 'Everything', created: await read(id) });
    await app.everything.update({ where: { id }, data: make.row() });
    expected.push({ action: 'update', modelName: 'Everything', before: null, after: await read(id) });
    await app.everything.delete({ where: { id } });
    expected.push({ action: 'delete', modelName: 'Everything', deleted: { id } });
  }
  const events = await loop.take(expected.length);
  events.forEach((event, index) => assert.deepEqual(withoutId(event), expected[index], `event ${index}`));
  await loop.stop();
}

export async function largeEventsAreWhole(cell: Cell): Promise<void> {
  const loop = await begin(cell.prisma.writer.stream({ name: 'large', create: {} }));
  const large = Array.from({ length: 2000 }, (_, n) => `word ${n % 97}`).join(' ');
  await create(cell, [large, 'small']);
  assert.deepEqual((await loop.take(2)).map(nameOf), [large, 'small']);
  await loop.stop();
}

// In a process of its own: a client that was refused leaves a timer and a socket behind, which later throw where nobody
// can catch it. (1.2.2 leaves the timer only.)
export async function aWrongKeyIsP6102({ version, modules, proxy }: Cell): Promise<void> {
  const script = fileURLToPath(new URL('refused.js', import.meta.url));
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [script, version, modules, `ws://127.0.0.1:${proxy.port}`]);
  const refused = { name: 'Unauthorized', code: 'P6102' };
  assert.deepEqual(JSON.parse(stdout), version === '1.0.2' ? [refused] : [refused, refused]);
}
