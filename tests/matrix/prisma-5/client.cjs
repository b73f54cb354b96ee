// As an application of CommonJS modules has them.
require('./no_engine.cjs');
const { Prisma, PrismaClient } = require('@prisma/client');

exports.Prisma = Prisma;
exports.connect = () => new PrismaClient();
exports.extension = async (version) => require(`pulse-${version}`);
