// What the real client throws when a stream is refused: the error class that its users catch.
import assert from 'node:assert/strict';

import {
  type PrismaPulseError,
  PrismaPulseServerError,
  PrismaPulseStreamsDisabledError,
  PrismaPulseUnauthorizedError,
} from '@prisma/extension-pulse';

import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';
import { connectPrisma, setUp, take } from './real_client.js';

async function refusal(opening: Promise<unknown>, of = 'the stream'): Promise<PrismaPulseError> {
  const reason: unknown = await opening.then(
    () => assert.fail(`${of} was opened`),
    (error: unknown) => error,
  );
  return reason as PrismaPulseError;
}

scenario('a_wrong_key_is_p6102', async (s) => {
  const { postgres, pulse } = await setUp(s);
  const prisma = connectPrisma(postgres, pulse, 'not-the-key-0123456789');
  s.atEnd(() => prisma.$disconnect());
  for (const open of [
    () => prisma.writer.stream({ name: 'x' }),
    () => prisma.writer.stream(),
    () => prisma.writer.subscribe(),
  ]) {
    const error = await refusal(open());
    assert.ok(error instanceof PrismaPulseUnauthorizedError, String(error));
    assert.equal(error.code, 'P6102');
    assert.ok(error.requestId !== 'unknown' && error.requestId !== '', 'it has a request id');
  }
});

scenario('a_model_without_table_is_p6100_and_named', async (s) => {
  const { prisma } = await setUp(s, { sql: 'DROP TABLE "_TagToWriter", "Tag"' });
  const error = await refusal(prisma.tag.stream());
  assert.ok(error instanceof PrismaPulseServerError);
  assert.equal(error.code, 'P6100');
  assert.match(error.message, /Tag/);
});

scenario('a_bad_filter_is_p6100_and_names_the_field', async (s) => {
  const { prisma } = await setUp(s);
  const error = await refusal(prisma.writer.stream({ create: { id: 'seven' as unknown as number } }));
  assert.ok(error instanceof PrismaPulseServerError);
  assert.match(error.message, /id/);
});

// What is wrong, the filter, the field and the operator that the error must name.
const badFilters: readonly (readonly [what: string, filter: object, field: string, operator: string])[] = [
  ['an operator that there is not', { text: { like: 'a' } }, 'text', 'like'],
  ['one inside not', { text: { not: { like: 'a' } } }, 'text', 'like'],
  ['one inside OR', { OR: [{ flag: true }, { text: { like: 'a' } }] }, 'OR[1].text', 'like'],
  ['a text operator on a number', { whole: { contains: '1' } }, 'whole', 'contains'],
  ['a text operator on a list', { texts: { contains: 'a' } }, 'texts', 'contains'],
  ['order of booleans', { flag: { gt: false } }, 'flag', 'gt'],
  ['order of an enum', { rank: { lt: 'GOLD' } }, 'rank', 'lt'],
  ['order of bytes', { bytes: { lt: new Uint8Array([1]) } }, 'bytes', 'lt'],
  ['less than null', { whole: { lt: null } }, 'whole', 'lt'],
  ['text for a number', { whole: { gte: 'seven' } }, 'whole', 'gte'],
  ['a fraction for a whole number', { whole: { equals: 1.5 } }, 'whole', 'equals'],
  ['a number that does not fit', { small: { equals: 70000 } }, 'small', 'equals'],
  ['a value for a list of values', { whole: { in: 5 } }, 'whole', 'in'],
  ['null among values', { varchar: { in: ['a', null] } }, 'varchar', 'in'],
  ['what is no uuid', { uid: { equals: 'not-a-uuid' } }, 'uid', 'equals'],
  ['what is no label', { rank: { equals: 'PLATINUM' } }, 'rank', 'gold_rank'],
  ['what is no mode', { text: { equals: 'a', mode: 'loud' } }, 'text', 'mode'],
  ['an element of another type', { wholes: { has: 'one' } }, 'wholes', 'has'],
  ['equality of xml', { xml: { equals: '<a/>' } }, 'xml', 'equals'],
  ['a path to nothing', { json: { path: ['a'] } }, 'json', 'path'],
  ['a path that is no list', { json: { path: 'a', equals: 1 } }, 'json', 'path'],
];

scenario('a_bad_filter_names_the_field_and_the_operator', async (s) => {
  const { prisma } = await setUp(s);
  for (const [what, filter, field, operator] of badFilters) {
    for (const where of [{ create: filter }, { update: { after: filter } }]) {
      const error = await refusal(prisma.everything.stream(where), what);
      assert.ok(error instanceof PrismaPulseServerError, `${what}: ${String(error)}`);
      assert.ok(error.message.includes(field), `${what}: ${error.message}`);
      assert.ok(error.message.includes(operator), `${what}: ${error.message}`);
    }
  }
});

scenario('a_filter_on_old_values_that_never_come_is_refused', async (s) => {
  const { prisma, postgres } = await setUp(s);
  const before = { update: { before: { label: 'x' } } } as object;
  for (const where of [{ delete: { label: 'x' } }, before]) {
    const error = await refusal(prisma.tag.stream(where));
    assert.match(error.message, /label.*replica identity/);
  }
  await postgres.sql('ALTER TABLE "Tag" REPLICA IDENTITY FULL');
  await prisma.tag.create({ data: { label: 'any' } });
  for (const where of [{ delete: { label: 'x' } }, before]) {
    (await until('the new identity to be known', () => prisma.tag.stream(where))).stop();
  }
});

scenario('with_event_persistence_off_stream_is_p6106_and_subscribe_works', async (s) => {
  const { prisma } = await setUp(s, { args: ['--event-persistence', 'off'] });
  for (const open of [() => prisma.writer.stream({ name: 'x' }), () => prisma.writer.stream()]) {
    const error = await refusal(open());
    assert.ok(error instanceof PrismaPulseStreamsDisabledError, String(error));
    assert.equal(error.code, 'P6106');
  }
  const subscription = await prisma.writer.subscribe({ create: {} });
  const writer = await prisma.writer.create({ data: { name: 'one' } });
  const [event] = await take(subscription, 1);
  assert.deepEqual(event?.created, writer);
});
