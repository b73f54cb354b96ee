// The published client, as an application has it: Prisma Client with @prisma/extension-pulse, unmodified.
import { PrismaPg } from '@prisma/adapter-pg';
import { type PulseEvent, type PulseSubscription, withPulse } from '@prisma/extension-pulse';
import { PrismaClient } from '#prisma/client';
import type { Postgres } from '../harness/postgres.js';
import { pushSchema } from '../harness/prisma.js';
import type { Pulse, PulseOptions } from '../harness/pulse.js';
import type { Scenario } from '../harness/scenario.js';
import { within } from '../harness/wait.js';

// A refused stream() leaves the client's ping timer running, which would keep this process alive for ever.
const setIntervalOfNode = globalThis.setInterval;
globalThis.setInterval = ((...args: Parameters<typeof setIntervalOfNode>) =>
  setIntervalOfNode(...args).unref()) as typeof setIntervalOfNode;

// What an application adds to its code so that the option which names the server compiles.
declare module '@prisma/extension-pulse' {
  interface PulseOptions {
    endpoint?: string | URL;
  }
}

// Without its annotation, as in an application, the type of the extended client is inferred.
export function connectPrisma(postgres: Postgres, pulse: Pick<Pulse, 'url' | 'apiKey'>, apiKey = pulse.apiKey) {
  const adapter = new PrismaPg({ connectionString: postgres.url() });
  return new PrismaClient({ adapter }).$extends(withPulse({ apiKey, endpoint: pulse.url }));
}

export type RealClient = ReturnType<typeof connectPrisma>;

export interface Setup {
  postgres: Postgres;
  pulse: Pulse;
  prisma: RealClient;
}

// A database with the tables of schema.prisma, a server and a client. `sql` runs before the server sees the database.
export async function setUp(
  s: Scenario,
  options: Partial<PulseOptions> & { sql?: string; settings?: Record<string, string> } = {},
): Promise<Setup> {
  const { sql, settings = {}, ...pulseOptions } = options;
  const postgres = await s.postgres({ settings });
  await pushSchema(postgres, 'tests/client');
  if (sql !== undefined) await postgres.sql(sql);
  const pulse = await s.pulse({ database: postgres.socketUrl(), ...pulseOptions });
  const prisma = connectPrisma(postgres, pulse);
  s.atEnd(() => prisma.$disconnect());
  return { postgres, pulse, prisma };
}

// The next `count` events. All but the last are acknowledged: the client acknowledges an event when the next one is
// asked for. The stream is closed afterwards.
// biome-ignore lint/suspicious/noExplicitAny: the published types' own constraint
export async function take<T extends PulseEvent<any>>(
  stream: PulseSubscription<T>,
  count: number,
  timeoutMs = 30_000,
): Promise<T[]> {
  const events: T[] = [];
  const reading = (async () => {
    for await (const event of stream) {
      events.push(event);
      if (events.length === count) break;
    }
  })();
  try {
    await within(`${count} events`, timeoutMs, reading);
  } catch (reason) {
    stream.stop();
    throw new Error(`${String(reason)}; ${events.length} came`);
  }
  return events;
}

// The same value from Prisma Client and from a stream, made comparable: each side has a Decimal class of its own, and
// the extension gives a Buffer where Prisma Client gives the Uint8Array that a Buffer also is. Everything else is
// compared as it is, types included.
export function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(comparable);
  if ('toFixed' in value && typeof value.toFixed === 'function') return { decimal: String(value.toFixed()) };
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, comparable(member)]));
}
