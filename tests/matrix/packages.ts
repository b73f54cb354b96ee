// What one cell of the matrix is about, loaded as an application loads it: a Prisma version, a published extension, and
// the kind of modules. The process runs for one Prisma version: tests/matrix/prisma.py says which.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { withPulse } from '@prisma/extension-pulse';
import type { Prisma, PrismaClient } from '#prisma/client';
import type { RealClient } from '../client/real_client.js';
import { root } from '../harness/paths.js';

export type Modules = 'esm' | 'cjs';
export const modulesKinds: readonly Modules[] = ['esm', 'cjs'];

export type ExtensionVersion = '1.0.2' | '1.1.0' | '1.1.1' | '1.2.0' | '1.2.2';
export const extensionVersions: readonly ExtensionVersion[] = ['1.0.2', '1.1.0', '1.1.1', '1.2.0', '1.2.2'];

export type Build = 'node' | 'workers';

// What sets the versions apart (docs/wire_protocol.md). 1.1.1 has the later ones' code for Node.js and 1.1.0's for Workers.
export interface Behaviour {
  readonly hasStreams: boolean;
  // An event when it hands it out; the others when the loop asks for the next one.
  readonly acknowledgesAtOnce: boolean;
  readonly goesOnAfterACut: boolean;
}

export function behaviourOf(version: ExtensionVersion, build: Build): Behaviour {
  const early = version === '1.1.0' || (version === '1.1.1' && build === 'workers');
  return {
    hasStreams: version !== '1.0.2',
    acknowledgesAtOnce: early,
    goesOnAfterACut: build === 'node' || version === '1.2.0' || version === '1.2.2',
  };
}

// The versions whose code others share, or nearly, are tested with one kind of modules for each build.
export function modulesToTest(version: ExtensionVersion, build: Build): readonly Modules[] {
  if (version !== '1.1.1' && version !== '1.2.0') return modulesKinds;
  return build === 'node' ? ['esm'] : ['cjs'];
}

export const prismaMajor = Number(process.env.PULSE_TEST_PRISMA);
if (Number.isNaN(prismaMajor)) throw new Error('no Prisma version: run by "tests/matrix/prisma.py node MAJOR …"');
const folder = join(root, `tests/matrix/prisma-${prismaMajor}`);

// Prisma 5 has an engine that npm does not bring: its client can stream and neither read nor write.
export const hasQueries = prismaMajor !== 5;

interface Extension {
  withPulse: typeof withPulse;
}

// What client.mjs and client.cjs of a version's folder export. The schema is tests/client/schema.prisma everywhere, so
// one version's types serve for all.
interface Packages {
  Prisma: Pick<typeof Prisma, 'Decimal' | 'JsonNull' | 'DbNull'>;
  connect: (databaseUrl: string) => PrismaClient;
  extension: (version: ExtensionVersion) => Promise<Extension>;
}

const requireHere = createRequire(import.meta.url);

export async function loadPackages(modules: Modules): Promise<Packages> {
  if (modules === 'cjs') return requireHere(join(folder, 'client.cjs')) as Packages;
  return (await import(pathToFileURL(join(folder, 'client.mjs')).href)) as Packages;
}

// The extension's build for Cloudflare Workers, which Node.js would not choose by itself.
export async function loadWorkersExtension(version: ExtensionVersion, modules: Modules): Promise<Extension> {
  const file = join(folder, `node_modules/pulse-${version}/dist/${modules}/entry.workerd.js`);
  if (modules === 'cjs') return requireHere(file) as Extension;
  return (await import(pathToFileURL(file).href)) as Extension;
}

// Only 1.0.2 takes the address as it is given; the later ones put the path in.
export function endpointOf(version: ExtensionVersion, url: string): URL {
  return new URL(version === '1.0.2' ? '/subscribe' : '/', url);
}

export function extend(
  prisma: PrismaClient,
  { withPulse: extension }: Extension,
  options: { apiKey: string; endpoint: URL },
): RealClient {
  return prisma.$extends(extension(options)) as unknown as RealClient;
}
