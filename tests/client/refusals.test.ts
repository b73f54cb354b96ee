// What the real client throws when a stream is refused: the error class that its users catch.
import assert from 'node:assert/strict';

import {
  PrismaPulseServerError,
  PrismaPulseStreamsDisabledError,
  PrismaPulseUnauthorizedError,
  type PrismaPulseError,
} from '@prisma/extension-pulse';

import { scenario } from '../harness/scenario.js';
import { connectPrisma, setUp, take } from './real_client.js';

async function refusal(opening: Promise<unknown>): Promise<PrismaPulseError> {
  const reason: unknown = await opening.then(
    () => assert.fail('the stream was opened'),
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
