// One cell of the matrix, set up: a database, a server that knows the Prisma schema, and the client with the extension on
// a connection that can be cut.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { connectPrisma, type RealClient } from '../client/real_client.js';
import { root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { pushSchema } from '../harness/prisma.js';
import type { Proxy } from '../harness/proxy.js';
import type { Scenario } from '../harness/scenario.js';
import { within } from '../harness/wait.js';
import {
  type Behaviour,
  type Build,
  behaviourOf,
  type ExtensionVersion,
  endpointOf,
  extend,
  hasQueries,
  loadPackages,
  loadWorkersExtension,
  type Modules,
} from './packages.js';
import { workersRuntime } from './workers_runtime.js';

export interface Cell {
  version: ExtensionVersion;
  behaviour: Behaviour;
  modules: Modules;
  postgres: Postgres;
  // Between the client and the server.
  proxy: Proxy;
  // Extended with the version under test.
  prisma: RealClient;
  // Reads and writes: the same client where its Prisma version can, else the repository's own.
  app: RealClient;
  packages: Awaited<ReturnType<typeof loadPackages>>;
}

const schemaFile = join(root, 'tests/client/schema.prisma');

export async function setUpCell(
  s: Scenario,
  version: ExtensionVersion,
  modules: Modules,
  options: { sql?: string; knowsSchema?: boolean; build?: Build } = {},
): Promise<Cell> {
  const { sql, knowsSchema = true, build = 'node' } = options;
  const postgres = await s.postgres();
  await pushSchema(postgres, 'tests/client');
  if (sql !== undefined) await postgres.sql(sql);
  const env: Record<string, string> = {
    PULSE_COMPRESSION: 'on',
    ...(knowsSchema ? { PULSE_PRISMA_SCHEMA: schemaFile } : {}),
  };
  const pulse = await s.pulse({ database: postgres.socketUrl(), env });
  const proxy = await s.proxy(pulse.listenPort, 'bytes');
  await proxy.open();

  const packages = await loadPackages(modules);
  const base = packages.connect(postgres.url());
  const forWorkers = build === 'workers';
  if (forWorkers) workersRuntime.install();
  const extension = forWorkers ? await loadWorkersExtension(version, modules) : await packages.extension(version);
  // Workers upgrade an ordinary request.
  const endpoint = endpointOf(version, `${forWorkers ? 'http' : 'ws'}://127.0.0.1:${proxy.port}`);
  const prisma = extend(base, extension, { apiKey: pulse.apiKey, endpoint });
  const app = hasQueries ? prisma : connectPrisma(postgres, pulse);
  s.atEnd(() => app.$disconnect());
  return { version, behaviour: behaviourOf(version, build), modules, postgres, proxy, prisma, app, packages };
}

export interface Event {
  action: string;
  id: string;
  created?: Record<string, unknown>;
  after?: Record<string, unknown>;
  deleted?: Record<string, unknown>;
}

// A loop over a stream, step by step. It has begun when this is made: the clients before 1.2.2 listen from then on only.
export class Loop {
  private readonly iterator: AsyncIterator<Event>;
  private asked: Promise<IteratorResult<Event>> | undefined;

  constructor(private readonly stream: AsyncIterable<Event> & { stop: () => unknown }) {
    this.iterator = stream[Symbol.asyncIterator]();
    this.ask();
  }

  // Ends the loop's body for the event in hand, and waits for nothing.
  ask(): void {
    this.asked ??= this.iterator.next();
    this.asked.catch(() => {});
  }

  async next(): Promise<Event> {
    this.ask();
    const asked = this.asked as Promise<IteratorResult<Event>>;
    const { value, done } = await within('an event', 20_000, asked);
    assert.ok(done !== true, 'the stream has ended');
    this.asked = undefined;
    return value;
  }

  // The last of them is in hand then, not dealt with.
  async take(count: number): Promise<Event[]> {
    const events: Event[] = [];
    while (events.length < count) events.push(await this.next());
    return events;
  }

  async stop(): Promise<void> {
    await this.stream.stop();
  }
}

export const begin = async (opening: Promise<unknown>): Promise<Loop> =>
  new Loop((await opening) as ConstructorParameters<typeof Loop>[0]);
