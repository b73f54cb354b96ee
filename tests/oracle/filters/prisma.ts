// The client that is asked: the repository's own Prisma version, or, in a process that tests/matrix/prisma.py runs, that
// one's.
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type { PrismaPg } from '@prisma/adapter-pg';
import type { PrismaClient } from '#prisma/specimens';

import { root } from '../../harness/paths.js';

export const prismaMajor = process.env.PULSE_TEST_PRISMA;

const folder = prismaMajor === undefined ? root : join(root, `tests/matrix/prisma-${prismaMajor}`);
const generated = prismaMajor === undefined ? 'build/prisma/specimens' : 'node_modules/.specimens';

export function connectSpecimens(connectionString: string): PrismaClient {
  const require = createRequire(join(folder, 'package.json'));
  const adapters = require('@prisma/adapter-pg') as { PrismaPg: typeof PrismaPg };
  const clients = require(join(folder, generated, 'index.js')) as { PrismaClient: typeof PrismaClient };
  return new clients.PrismaClient({ adapter: new adapters.PrismaPg({ connectionString }), errorFormat: 'minimal' });
}
