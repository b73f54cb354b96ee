// Lets the Prisma command line work without its engines, which it would otherwise download: with `engine: 'js'`
// and a driver adapter, `generate` and `migrate diff` need neither a network nor a database.
import { PrismaPg } from '@prisma/adapter-pg';
import { defineConfig } from 'prisma/config';

// The schema wants to see an address; these two commands connect to none.
process.env.DATABASE_URL ??= 'postgresql://nobody@127.0.0.1:9/none';

export default defineConfig({
  schema: 'schema.prisma',
  experimental: { adapter: true },
  engine: 'js',
  adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true }),
});
