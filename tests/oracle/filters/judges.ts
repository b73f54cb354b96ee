// Two judges of the same filters on the same rows: Prisma's findMany and Pulse's streams.

import { withPulse } from '@prisma/extension-pulse';
import type pg from 'pg';
import type { PrismaClient } from '#prisma/specimens';

// Lets this process end after a refusal.
import '../../client/real_client.js';

import { type Frame, Refused, rowOf } from '../../harness/consumer.js';
import type { Model, Where } from '../../harness/model.js';
import type { Postgres } from '../../harness/postgres.js';
import type { Pulse } from '../../harness/pulse.js';
import { until } from '../../harness/wait.js';
import { connectSpecimens } from './prisma.js';
import type { Filter } from './random_filter.js';
import { fields, type Row } from './specimen.js';
import { asLiteral, asSent, shown } from './wire.js';

export const kinds = ['create', 'before', 'after', 'delete'] as const;
export type Kind = (typeof kinds)[number];

// The ids of the rows that a judge takes for each kind, or why it would not judge.
export type Verdict = { taken: Partial<Record<Kind, ReadonlySet<number>>> } | { refused: string };

export interface Change {
  before: Row;
  after: Row;
}

// The row whose end tells a stream that nothing more will come.
const lastId = 0;

// What a delete filter becomes so that the stream also gets the last row.
const orLast = (filter: Filter): Filter => ({ OR: [filter, { id: lastId }] });

const hasEmptyPart = (filter: Filter): boolean => /\{\}|"(AND|OR|NOT)":\[\]/.test(shown(filter));

interface OfficialStream extends AsyncIterable<Frame> {
  stop: () => void;
}

// The official extension's stream() of the model.
export type OpenOfficial = (where: Where & { name: string }) => Promise<OfficialStream>;

export function officialClient(prisma: PrismaClient, apiKey: string, endpoint: string): OpenOfficial {
  const extended = prisma.$extends(withPulse({ apiKey, endpoint }));
  return (where) => extended.specimen.stream(where as object) as unknown as Promise<OfficialStream>;
}

export class Judges {
  readonly prisma: PrismaClient;
  private readonly openOfficial: OpenOfficial;
  private named = 0;
  // Streams that the official client opened.
  throughClient = 0;
  readonly model: Model;

  constructor(
    readonly postgres: Postgres,
    readonly database: string,
    readonly pulse: Pulse,
    private readonly sql: pg.Client,
  ) {
    this.prisma = connectSpecimens(postgres.url(database));
    // What the extension itself puts into the header.
    const { models } = (this.prisma as unknown as { _runtimeDataModel: { models: Record<string, Model['model']> } })
      ._runtimeDataModel;
    this.model = { modelName: 'Specimen', model: models.Specimen as Model['model'] };
    this.openOfficial = officialClient(this.prisma, pulse.apiKey, pulse.url);
  }

  static async open(postgres: Postgres, database: string, pulse: Pulse): Promise<Judges> {
    return new Judges(postgres, database, pulse, await postgres.connect(database));
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
    await this.sql.end();
  }

  // Both verdicts of each filter on rows that are inserted, then updated, then deleted. Filters at odd places judge
  // `before` of the updates, the others `after`.
  async judge(filters: readonly Filter[], changes: readonly Change[]): Promise<{ pulse: Verdict; prisma: Verdict }[]> {
    await this.sql.query('INSERT INTO specimens (id, must, must_text) VALUES ($1, 0, $2)', [lastId, '']);
    const streams = await this.openStreams(filters);
    try {
      await this.write(
        'INSERT',
        changes.map(({ before }) => before),
      );
      const inserted = await this.ask(filters);
      await this.write(
        'UPDATE',
        changes.map(({ after }) => after),
      );
      const updated = await this.ask(filters);
      // Parts that say nothing mean something else in an OR than outside it: such a filter is asked as it was sent.
      const odd = await this.ask(filters.filter(hasEmptyPart).map(orLast));
      const deleted = filters.map((filter, at) => (hasEmptyPart(filter) ? odd.shift() : updated[at]));
      await this.sql.query('DELETE FROM specimens WHERE id <> $1', [lastId]);
      await this.sql.query('DELETE FROM specimens');
      await this.untilAllHaveCome(streams);
      return filters.map((_filter, at) => ({
        pulse: (streams[at] as Stream).verdict(),
        prisma: verdictOf(at, inserted[at], updated[at], deleted[at]),
      }));
    } finally {
      for (const stream of streams) stream.close();
    }
  }

  private async openStreams(filters: readonly Filter[]): Promise<Stream[]> {
    const streams: Stream[] = [];
    for (const [at, filter] of filters.entries()) {
      const stream = new Stream(at % 2 === 1 ? 'before' : 'after');
      streams.push(stream);
      if (at % 10 === 0 && (await this.openThroughClient(stream, filter))) continue;
      const sent = asSent(filter);
      const where: Where = { create: sent, update: { [stream.ofUpdates]: sent }, delete: orLast(sent) };
      try {
        const consumer = await this.pulse.consume({
          model: this.model,
          where,
          keepFrames: false,
          onFrame: (frame) => stream.take(frame),
          ack: 'none',
        });
        stream.opened(() => consumer.terminate());
      } catch (reason) {
        if (!(reason instanceof Refused)) throw reason;
        stream.refused = `${reason.status} ${String(reason.json().message)}`;
      }
    }
    return streams;
  }

  // Named, so that a connection that breaks under load loses nothing. False where the client itself cannot send the filter.
  private async openThroughClient(stream: Stream, filter: Filter): Promise<boolean> {
    const where = { create: filter, update: { after: filter }, delete: orLast(filter) };
    let official: OfficialStream;
    try {
      official = await this.openOfficial({ name: `oracle-${++this.named}`, ...where });
    } catch (reason) {
      const { code, message } = reason as { code?: string; message: string };
      if (code?.startsWith('P61') !== true) return false;
      stream.refused = message;
      return true;
    }
    this.throughClient++;
    stream.opened(() => official.stop());
    void (async () => {
      for await (const event of official) stream.take(event);
    })().catch((reason: unknown) => stream.broke(String(reason)));
    return true;
  }

  private async untilAllHaveCome(streams: readonly Stream[]): Promise<void> {
    await until('every stream to have had all events', () => streams.every((stream) => stream.isComplete()), {
      timeoutMs: 60_000,
    });
  }

  private async write(verb: 'INSERT' | 'UPDATE', rows: readonly Row[]): Promise<void> {
    const columns = fields.map(({ column }) => column);
    const places = columns.map((_column, at) => `$${at + 2}`);
    const text =
      verb === 'INSERT'
        ? `INSERT INTO specimens (id, ${columns.join(', ')}) VALUES ($1, ${places.join(', ')})`
        : `UPDATE specimens SET ${columns.map((column, at) => `${column} = ${places[at]}`).join(', ')} WHERE id = $1`;
    await this.sql.query('BEGIN');
    for (const { id, cells } of rows) {
      await this.sql.query({ name: verb, text, values: [id, ...columns.map((column) => cells[column])] });
    }
    await this.sql.query('COMMIT');
  }

  // The ids that findMany gives for each filter, or the end of its error.
  private async ask(filters: readonly Filter[]): Promise<(Set<number> | string)[]> {
    const answers: (Set<number> | string)[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < filters.length) {
        const at = next++;
        try {
          const rows = await this.prisma.specimen.findMany({
            where: asLiteral(filters[at] as Filter),
            select: { id: true },
          });
          answers[at] = new Set(rows.map(({ id }) => id).filter((id) => id !== lastId));
        } catch (reason) {
          answers[at] = String(reason).trim().split('\n').at(-1) ?? '';
        }
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    return answers;
  }
}

function verdictOf(at: number, ...[inserted, updated, deleted]: (Set<number> | string | undefined)[]): Verdict {
  for (const answer of [inserted, updated, deleted]) {
    if (answer === undefined) throw new Error('findMany was not asked');
    if (typeof answer === 'string') return { refused: answer };
  }
  const [before, after, last] = [inserted, updated, deleted] as Set<number>[];
  return {
    taken: {
      create: before,
      ...(at % 2 === 1 ? { before } : { after }),
      delete: last,
    } as Record<Kind, Set<number>>,
  };
}

class Stream {
  refused = '';
  private ended = false;
  private broken = '';
  private end: (() => void) | undefined;
  private readonly taken: Partial<Record<Kind, Set<number>>>;

  constructor(readonly ofUpdates: 'before' | 'after') {
    this.taken = { create: new Set(), [ofUpdates]: new Set(), delete: new Set() };
  }

  opened(end: () => void): void {
    this.end = end;
  }

  take(frame: Frame): void {
    const id = rowOf(frame).id as number;
    if (id !== lastId) this.taken[frame.action === 'update' ? this.ofUpdates : frame.action]?.add(id);
    else if (frame.action === 'delete') this.ended = true;
  }

  broke(reason: string): void {
    if (!this.ended) this.broken = reason;
  }

  isComplete(): boolean {
    if (this.broken !== '') throw new Error(`a stream broke: ${this.broken}`);
    return this.ended || this.end === undefined;
  }

  close(): void {
    this.end?.();
  }

  verdict(): Verdict {
    return this.end === undefined ? { refused: this.refused } : { taken: this.taken };
  }
}
