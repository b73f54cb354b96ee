// What the tests of gaps ask of Pulse and of the published client, each in its own way.
import assert from 'node:assert/strict';

import type { RealClient, Setup } from '../client/real_client.js';
import { Refused } from './consumer.js';
import { defineModel } from './model.js';
import type { Gap, Pulse } from './pulse.js';
import { until, within } from './wait.js';

const slot = 'pulse_default';

export async function write({ postgres }: Pick<Setup, 'postgres'>, ...names: string[]): Promise<void> {
  for (const name of names) await postgres.sql(`INSERT INTO "Writer" (name) VALUES ('${name}')`);
}

// Opens the stream, takes as many events as there are names, and leaves it with all of them acknowledged.
export async function readAll({ prisma, pulse }: Reads, stream: string, ...names: string[]): Promise<void> {
  const before = await pulse.metric('pulse_events_acknowledged_total');
  const opened = await prisma.writer.stream({ name: stream, create: {} });
  await finish(pulse, opened, before, names);
}

// The same of a stream that is new: it is opened before `name` is written.
export async function readNew(setup: Setup, stream: string, name: string): Promise<void> {
  const before = await setup.pulse.metric('pulse_events_acknowledged_total');
  const opened = await setup.prisma.writer.stream({ name: stream, create: {} });
  await write(setup, name);
  await finish(setup.pulse, opened, before, [name]);
}

type Reads = Pick<Setup, 'prisma' | 'pulse'>;
type WriterStream = Awaited<ReturnType<RealClient['writer']['stream']>>;

// Takes events up to `last`, which is left unacknowledged; before it those of `again` may come once more.
export async function readThrough(
  { prisma }: Pick<Setup, 'prisma'>,
  stream: string,
  last: string,
  ...again: string[]
): Promise<void> {
  const opened = await prisma.writer.stream({ name: stream, create: {} });
  const names: string[] = [];
  const reading = (async () => {
    for await (const event of opened) {
      names.push(event.created.name);
      if (event.created.name === last) break;
    }
  })();
  await within(`the event of ${last}`, 30_000, reading);
  assert.deepEqual(names, [...again.filter((name) => names.includes(name)), last]);
}

async function finish(pulse: Pulse, opened: WriterStream, before: number, names: string[]): Promise<void> {
  const reader = opened.getReader();
  const seen: string[] = [];
  for (const _ of names) {
    const { value } = await within(`event ${seen.length + 1} of ${names.join()}`, 30_000, reader.read());
    assert.ok(value !== undefined && 'created' in value);
    seen.push((value.created as { name: string }).name);
    opened.acknowledgeEvent(value.id);
  }
  assert.deepEqual(seen, names);
  await until('the acknowledgements to arrive', async () => {
    return (await pulse.metric('pulse_events_acknowledged_total')) >= before + names.length;
  });
  opened.stop();
  // One that has nothing left before a gap was ended meanwhile, and refused when the client came back.
  await reader.cancel().catch((reason: unknown) => assert.equal((reason as PulseError).code, 'P6100'));
}

export async function untilCaptured(setup: Pick<Setup, 'pulse'>, count: number): Promise<void> {
  await until(
    `${count} events to be stored`,
    async () => (await setup.pulse.metric('pulse_events_stored_total')) >= count,
  );
}

export async function dropSlot({ postgres }: Pick<Setup, 'postgres'>): Promise<void> {
  await until('the slot to be free', async () => {
    await postgres.sql(`SELECT pg_drop_replication_slot('${slot}')`);
    return true;
  });
}

// The only gap, with its end known, and what else says so.
export async function theGap(pulse: Pulse, kind: string): Promise<Gap> {
  const gap = await until(`a gap of kind ${kind} with both its bounds`, async () => {
    const gaps = await pulse.gaps();
    return gaps.length === 1 && gaps[0]?.kind === kind && gaps[0].through !== null && gaps[0];
  });
  assert.equal(gap.acceptedAt, null);
  assert.equal(await pulse.metric('pulse_gaps_open'), 1);
  assert.equal(await pulse.metric('pulse_gaps_total', { kind }), 1);
  const { body } = await pulse.admin('/v1/projects');
  assert.equal((body as { projects: { openGaps: number }[] }).projects[0]?.openGaps, 1);
  assert.match(pulse.logTail, new RegExp(`a gap: .*${kind}`));
  return gap;
}

interface PulseError {
  code: string;
  message: string;
  details?: { gap?: Gap; next?: string };
}

// The client's own error for a stream that may not be opened.
export async function refused({ prisma }: Pick<Setup, 'prisma'>, stream: string): Promise<PulseError> {
  let reason: unknown;
  try {
    const opened = await within('an answer', 30_000, prisma.writer.stream({ name: stream }));
    opened.stop();
  } catch (thrown) {
    reason = thrown;
  }
  assert.ok(reason !== undefined, 'the stream was opened');
  return reason as PulseError;
}

// The raw answer: the client's error carries what it likes of it.
export async function refusal(pulse: Pulse, stream: string): Promise<{ status: number; code: string; gap: Gap }> {
  const model = defineModel('Writer', 'Writer', { id: 'Int', name: 'String' });
  try {
    (await pulse.consume({ model, name: stream })).terminate();
  } catch (reason) {
    if (!(reason instanceof Refused)) throw reason;
    const { code, details } = reason.json();
    return { status: reason.status, code: code as string, gap: (details as { gap: Gap }).gap };
  }
  throw new Error('the stream was opened');
}

// The consumer named `stream` is refused with the gap until it is accepted, and then gets what was captured behind it.
export async function refusedUntilAccepted(setup: Setup, stream: string, gap: Gap, ...behind: string[]): Promise<void> {
  const why = await refused(setup, stream);
  assert.equal(why.code, 'P6100');
  assert.deepEqual(why.details?.gap, gap);
  const open = await setup.pulse.metric('pulse_gaps_open');
  const answer = await refusal(setup.pulse, stream);
  assert.deepEqual({ status: answer.status, code: answer.code }, { status: 409, code: 'P6100' });
  assert.deepEqual(answer.gap, gap);
  const accepted = await setup.pulse.acceptGap(gap.id);
  assert.notEqual(accepted.acceptedAt, null);
  assert.equal(await setup.pulse.metric('pulse_gaps_open'), open - 1);
  await readAll(setup, stream, ...behind);
}
