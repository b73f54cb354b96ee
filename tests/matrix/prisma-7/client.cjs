// As an application of CommonJS modules has them.
const { PrismaPg } = require('@prisma/adapter-pg');
const { Prisma, PrismaClient } = require('@prisma/client');

exports.Prisma = Prisma;
exports.connect = (connectionString) => new PrismaClient({ adapter: new PrismaPg({ connectionString }) });
exports.extension = async (version) => require(`pulse-${version}`);
