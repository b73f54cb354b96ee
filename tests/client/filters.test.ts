// What the real client asks for by kind and by value is what it gets.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import type { Prisma } from '#prisma/client';

import { root } from '../harness/paths.js';
import { scenario } from '../harness/scenario.js';
import { setUp, take } from './real_client.js';

scenario('kinds_that_are_not_asked_for_do_not_come', async (s) => {
  const { prisma } = await setUp(s);
  const all = await prisma.tag.stream();
  const allOther = await prisma.tag.stream({ create: {}, update: {}, delete: {} });
  const creates = await prisma.tag.stream({ create: {} });
  const updates = await prisma.tag.stream({ update: {} });
  const updatesAfter = await prisma.tag.stream({ update: { after: {} } });
  const deletes = await prisma.tag.stream({ delete: {} });
  const twoKinds = await prisma.tag.stream({ create: {}, delete: {} });
  for (let n = 0; n < 3; n++) {
    const { id } = await prisma.tag.create({ data: { label: `tag ${n}` } });
    await prisma.tag.update({ where: { id }, data: { label: `tag ${n} changed` } });
    await prisma.tag.delete({ where: { id } });
  }
  const actions = async (stream: Parameters<typeof take>[0], count: number): Promise<string> =>
    (await take(stream, count)).map((event) => (event as { action: string }).action.charAt(0)).join('');
  assert.equal(await actions(all, 9), 'cudcudcud');
  assert.equal(await actions(allOther, 9), 'cudcudcud');
  assert.equal(await actions(creates, 3), 'ccc');
  assert.equal(await actions(updates, 3), 'uuu');
  assert.equal(await actions(updatesAfter, 3), 'uuu');
  assert.equal(await actions(deletes, 3), 'ddd');
  assert.equal(await actions(twoKinds, 6), 'cdcdcd');
});

scenario('equality_holds_for_every_kind_of_value', async (s) => {
  const { prisma } = await setUp(s);
  const common = { big: 1n, double: 0.5, exact: 1, text: 'other', json: {}, bytes: new Uint8Array() };
  const wanted = {
    small: -5,
    whole: 2147483647,
    big: 9007199254740993n,
    double: 0.1,
    exact: '1.50',
    text: 'José "q" \\ \n',
    fixed: 'ab',
    flag: true,
    at: new Date('2024-05-28T12:34:56.789Z'),
    atZone: new Date('2024-05-28T12:34:56.789Z'),
    day: new Date('2024-05-28T00:00:00.000Z'),
    bytes: new Uint8Array([0, 255, 1]),
    uid: '0b5c2d3e-4f50-4617-8293-a4b5c6d7e8f9',
    rank: 'BASIC' as const,
    varchar: null,
  };
  const marker = 4242;
  for (const field of Object.keys(wanted) as (keyof typeof wanted)[]) {
    const stream = await prisma.everything.stream({ create: { [field]: wanted[field] } });
    // An enum's only other value is the one that a mapped name hides, and null is what most rows have.
    const plain = {
      ...common,
      ...(field === 'varchar' ? { varchar: 'x' } : {}),
      ...(field === 'rank' ? { rank: 'GOLD' as const } : {}),
    };
    await prisma.everything.create({ data: plain });
    await prisma.everything.create({ data: { ...plain, [field]: wanted[field], wholeOpt: marker } });
    const [event] = await take(stream, 1);
    assert.ok(event !== undefined && 'created' in event, field);
    assert.equal(
      (event.created as { wholeOpt: number | null }).wholeOpt,
      marker,
      `the row with another ${field} came first`,
    );
    await prisma.everything.deleteMany();
  }
});

scenario('a_filter_judges_the_new_row_of_an_update_and_the_key_of_a_delete', async (s) => {
  const { prisma } = await setUp(s);
  const stream = await prisma.tag.stream({ name: 'filtered', update: { after: { label: 'yes' } }, delete: { id: 2 } });
  await prisma.tag.createMany({ data: [{ label: 'no' }, { label: 'no' }, { label: 'yes' }] });
  await prisma.tag.update({ where: { id: 1 }, data: { label: 'maybe' } });
  await prisma.tag.update({ where: { id: 1 }, data: { label: 'yes' } });
  await prisma.tag.update({ where: { id: 3 }, data: { label: 'no' } });
  await prisma.tag.delete({ where: { id: 1 } });
  await prisma.tag.delete({ where: { id: 2 } });
  const events = await take(stream, 2);
  assert.deepEqual(
    events.map((event) =>
      event.action === 'update' ? ['update', event.after.id, event.after.label] : ['delete', event.deleted.id],
    ),
    [
      ['update', 1, 'yes'],
      ['delete', 2],
    ],
  );
});

// What each operator takes, by example. Three rows: Ann's, Bob's, and one that leaves all empty that may be.
// `found` is what Prisma itself finds where that is something else.
const examples: readonly (readonly [
  title: string,
  filter: Prisma.EverythingWhereInput,
  taken: string,
  found?: string,
])[] = [
  ['a value means equality', { text: 'Ann' }, 'Ann'],
  ['equals', { text: { equals: 'Bob' } }, 'Bob'],
  ['equals null', { varchar: { equals: null } }, 'nobody'],
  ['not a value passes over null', { varchar: { not: 'ann@example.com' } }, 'Bob'],
  ['not null', { varchar: { not: null } }, 'Ann Bob'],
  ['in', { whole: { in: [1, 3] } }, 'Ann nobody'],
  ['in an empty list takes nothing', { whole: { in: [] } }, ''],
  ['notIn passes over null', { varchar: { notIn: ['ann@example.com'] } }, 'Bob'],
  ['lt', { whole: { lt: 2 } }, 'Ann'],
  ['lte', { whole: { lte: 2 } }, 'Ann Bob'],
  ['gt on a decimal is exact', { exact: { gt: '1.4999999999999999999999' } }, 'Ann'],
  ['equal decimals may be written differently', { exact: '1.500' }, 'Ann'],
  ['gte on a date', { at: { gte: new Date('2024-05-28T12:34:56.789Z') } }, 'Bob'],
  ['a range', { big: { gt: 0n, lt: 9007199254740993n } }, 'Ann'],
  ['contains', { varchar: { contains: '@example' } }, 'Ann Bob'],
  ['contains takes % and _ as they are', { varchar: { contains: 'n%e' } }, '', 'Ann'],
  ['startsWith', { varchar: { startsWith: 'ann' } }, 'Ann'],
  ['endsWith', { varchar: { endsWith: '.com' } }, 'Ann'],
  ['without regard to case', { text: { equals: 'ANN', mode: 'insensitive' } }, 'Ann'],
  ['contains without regard to case', { varchar: { contains: 'EXAMPLE.ORG', mode: 'insensitive' } }, 'Bob'],
  ['not with operators', { whole: { not: { in: [1, 2] } } }, 'nobody'],
  ['several operators of a field must all hold', { varchar: { contains: 'o', endsWith: 'org' } }, 'Bob'],
  ['several fields must all hold', { flag: true, whole: 1 }, 'Ann'],
  ['AND', { AND: [{ flag: true }, { whole: { gt: 1 } }] }, 'Bob'],
  ['OR', { OR: [{ text: 'Ann' }, { whole: 3 }] }, 'Ann nobody'],
  ['NOT', { NOT: { text: 'Ann' } }, 'Bob nobody'],
  ['NOT of a comparison with null takes nothing', { NOT: { varchar: { contains: 'ann' } } }, 'Bob'],
  ['an enum by its name in the application', { rankOpt: 'GOLD' }, 'Ann'],
  ['a boolean', { flagOpt: { not: true } }, 'Bob'],
  ['bytes', { bytes: new Uint8Array([1, 255]) }, 'Ann'],
  ['bytes in a list', { bytes: { in: [new Uint8Array([2]), new Uint8Array()] } }, 'Bob nobody'],
  ['a uuid, in either case', { uid: '0B5C2D3E-4F50-4617-8293-A4B5C6D7E8F9' }, 'Ann'],
  ['a list has', { texts: { has: 'red' } }, 'Ann Bob'],
  ['a list hasEvery', { texts: { hasEvery: ['red', 'blue'] } }, 'Ann'],
  ['a list hasSome', { wholes: { hasSome: [2, 7] } }, 'Bob'],
  ['a list equals, in this order', { texts: { equals: ['red', 'blue'] } }, 'Ann'],
  ['a list isEmpty', { texts: { isEmpty: true } }, 'nobody'],
  ['a list that was never set is not empty but null', { wholes: { equals: null } }, 'nobody'],
  ['Json equals, whatever the order of keys', { json: { equals: { tags: ['a', 'b'], age: 30, name: 'Ann' } } }, 'Ann'],
  ['Json at a path', { json: { path: ['age'], equals: 40 } }, 'Bob'],
  ['Json not', { json: { not: {} } }, 'Ann Bob'],
  ['Json string_contains', { json: { path: ['name'], string_contains: 'nn' } }, 'Ann'],
  [
    'Json string_starts_with, without regard to case',
    { json: { path: ['name'], string_starts_with: 'b', mode: 'insensitive' } },
    'Bob',
  ],
  ['Json string_ends_with', { json: { path: ['name'], string_ends_with: 'b' } }, 'Bob'],
  ['Json gt', { json: { path: ['age'], gt: 30 } }, 'Bob'],
  ['Json array_contains', { json: { path: ['tags'], array_contains: ['b'] } }, 'Ann Bob'],
  ['Json array_starts_with', { json: { path: ['tags'], array_starts_with: 'a' } }, 'Ann'],
  ['Json array_ends_with', { json: { path: ['tags'], array_ends_with: 'b' } }, 'Ann Bob'],
  ['Json at an index', { json: { path: ['tags', '1'], equals: 'b' } }, 'Ann'],
];

scenario('each_operator_takes_the_rows_of_its_example', async (s) => {
  const { prisma, postgres } = await setUp(s, {
    env: { PULSE_PRISMA_SCHEMA: join(root, 'tests/client/schema.prisma') },
  });
  await postgres.sql('ALTER TABLE everything REPLICA IDENTITY FULL');
  const streams = await Promise.all(
    examples.map(([, filter]) =>
      // The last row's end is asked for too: then all has come.
      prisma.everything.stream({ create: filter as object, delete: { text: 'the end' } }),
    ),
  );
  const common = { big: 0n, double: 0, json: {}, bytes: new Uint8Array(), exact: 0, at: new Date(0) };
  await prisma.everything.create({
    data: {
      ...{
        text: 'Ann',
        varchar: 'ann@example.com',
        whole: 1,
        big: 9007199254740992n,
        double: 0.5,
        exact: '1.5',
        flag: true,
      },
      ...{ flagOpt: true, at: new Date('2024-05-28T12:34:56.788Z'), bytes: new Uint8Array([1, 255]), rankOpt: 'GOLD' },
      ...{ uid: '0b5c2d3e-4f50-4617-8293-a4b5c6d7e8f9', texts: ['red', 'blue'], wholes: [1] },
      json: { name: 'Ann', age: 30, tags: ['a', 'b'] },
    },
  });
  await prisma.everything.create({
    data: {
      ...{
        text: 'Bob',
        varchar: 'bob@example.org',
        whole: 2,
        big: 9007199254740993n,
        double: 1.5,
        exact: '1.4',
        flag: true,
      },
      ...{ flagOpt: false, at: new Date('2024-05-28T12:34:56.789Z'), bytes: new Uint8Array([2]), rankOpt: 'BASIC' },
      ...{ texts: ['red'], wholes: [1, 2] },
      json: { name: 'Bob', age: 40, tags: ['b'] },
    },
  });
  await prisma.everything.create({ data: { ...common, text: 'nobody', whole: 3, flag: false, texts: [] } });
  const { id } = await prisma.everything.create({
    data: { ...common, text: 'the end', whole: 9, varchar: 'x', wholes: [9] },
  });
  await prisma.everything.delete({ where: { id } });
  for (const [at, [title, filter, taken, found = taken]] of examples.entries()) {
    const stream = streams[at] as (typeof streams)[number];
    const names: string[] = [];
    for await (const event of stream) {
      if (event.action === 'delete') break;
      if (event.action === 'create' && event.created.id !== id) names.push(event.created.text);
    }
    assert.equal(names.join(' '), taken, title);
    const rows = await prisma.everything.findMany({ where: filter, orderBy: { id: 'asc' } });
    assert.equal(rows.map(({ text }) => text).join(' '), found, `${title}: Prisma itself finds other rows`);
  }
});
