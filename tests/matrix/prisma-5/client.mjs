// As an application of ES modules has them.
import './no_engine.cjs';
import { Prisma, PrismaClient } from '@prisma/client';

export { Prisma };
export const connect = () => new PrismaClient();
export const extension = (version) => import(`pulse-${version}`);
