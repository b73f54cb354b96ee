// What an application has: Prisma Client, extended with the published @prisma/extension-pulse.
import { PrismaPg } from '@prisma/adapter-pg';
import { withPulse } from '@prisma/extension-pulse';
import { PrismaClient } from '#prisma/demo';

// The published types leave out the one option that names the server.
declare module '@prisma/extension-pulse' {
  interface PulseOptions {
    endpoint?: string | URL;
  }
}

export interface Connection {
  databaseUrl: string;
  endpoint: string;
  apiKey: string;
}

export function connect({ databaseUrl, endpoint, apiKey }: Connection) {
  const adapter = new PrismaPg({ connectionString: databaseUrl });
  return new PrismaClient({ adapter }).$extends(withPulse({ apiKey, endpoint }));
}

export type Application = ReturnType<typeof connect>;
