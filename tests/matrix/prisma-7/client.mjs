// As an application of ES modules has them.
import { PrismaPg } from '@prisma/adapter-pg';
import { Prisma, PrismaClient } from '@prisma/client';

export { Prisma };
export const connect = (connectionString) => new PrismaClient({ adapter: new PrismaPg({ connectionString }) });
export const extension = (version) => import(`pulse-${version}`);
