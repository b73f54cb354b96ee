// What the real client asks for by kind and by value is what it gets.
import assert from 'node:assert/strict';

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
