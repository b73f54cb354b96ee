// Models whose names are not the database's, replica identities, and the join tables that Prisma makes by itself.
import assert from 'node:assert/strict';

import { scenario } from '../harness/scenario.js';
import { comparable, setUp, take } from './real_client.js';

scenario('a_model_with_other_names_in_another_schema_has_its_prisma_names', async (s) => {
  const { prisma } = await setUp(s);
  const stream = await prisma.invoice.stream({ name: 'invoices' });
  const key = { customer_number: { customer: 7, number: 'A-1' } };
  await prisma.invoice.create({ data: { customer: 7, number: 'A-1', total: '12.50' } });
  await prisma.invoice.update({ where: key, data: { paid: true } });
  await prisma.invoice.delete({ where: key });
  const events = await take(stream, 3);
  const row = { customer: 7, number: 'A-1', total: { decimal: '12.5' } };
  assert.deepEqual(
    events.map(({ id: _id, ...event }) => comparable(event)),
    [
      { action: 'create', modelName: 'Invoice', created: { ...row, paid: false } },
      { action: 'update', modelName: 'Invoice', before: null, after: { ...row, paid: true } },
      { action: 'delete', modelName: 'Invoice', deleted: { customer: 7, number: 'A-1' } },
    ],
  );
});

scenario('the_old_row_is_there_with_replica_identity_full_only', async (s) => {
  const { prisma } = await setUp(s, { sql: 'ALTER TABLE "Writer" REPLICA IDENTITY FULL' });
  const writers = await prisma.writer.stream();
  const tags = await prisma.tag.stream();
  const writer = await prisma.writer.create({ data: { name: 'first' } });
  await prisma.writer.update({ where: { id: writer.id }, data: { name: 'second' } });
  await prisma.writer.delete({ where: { id: writer.id } });
  const tag = await prisma.tag.create({ data: { label: 'first' } });
  await prisma.tag.update({ where: { id: tag.id }, data: { label: 'second' } });
  await prisma.tag.delete({ where: { id: tag.id } });

  const full = (await take(writers, 3)).map(({ id: _id, ...event }) => event);
  assert.deepEqual(full.slice(1), [
    {
      action: 'update',
      modelName: 'Writer',
      before: { id: writer.id, name: 'first' },
      after: { id: writer.id, name: 'second' },
    },
    { action: 'delete', modelName: 'Writer', deleted: { id: writer.id, name: 'second' } },
  ]);
  const keyOnly = (await take(tags, 3)).map(({ id: _id, ...event }) => event);
  assert.deepEqual(keyOnly.slice(1), [
    { action: 'update', modelName: 'Tag', before: null, after: { id: tag.id, label: 'second' } },
    { action: 'delete', modelName: 'Tag', deleted: { id: tag.id } },
  ]);
});

// Before version 6 Prisma gave join tables a unique index and no key.
const oldJoinTable = `
  DROP TABLE IF EXISTS "_TagToWriter";
  CREATE TABLE "_TagToWriter" (
    "A" int NOT NULL REFERENCES "Tag" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    "B" int NOT NULL REFERENCES "Writer" (id) ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE UNIQUE INDEX "_TagToWriter_AB_unique" ON "_TagToWriter" ("A", "B");
  CREATE INDEX "_TagToWriter_B_index" ON "_TagToWriter" ("B");`;

for (const made of ['before', 'after'] as const) {
  scenario(`deletes_from_a_keyless_join_table_made_${made}_setup_succeed`, async (s) => {
    const { prisma, postgres } = await setUp(s, made === 'before' ? { sql: oldJoinTable, args: ['--fix'] } : {});
    if (made === 'after') await postgres.sql(oldJoinTable);
    const stream = await prisma.tag.stream({ delete: {} });
    const tag = await prisma.tag.create({
      data: { label: 'a', writers: { create: [{ name: 'one' }, { name: 'two' }] } },
      include: { writers: true },
    });
    const [one, two] = tag.writers;
    assert.ok(one !== undefined && two !== undefined);
    await prisma.tag.update({ where: { id: tag.id }, data: { writers: { disconnect: { id: one.id } } } });
    await prisma.writer.delete({ where: { id: two.id } });
    await prisma.tag.delete({ where: { id: tag.id } });
    const { rows } = await postgres.sql('SELECT count(*)::int AS left FROM "_TagToWriter"');
    assert.deepEqual(rows, [{ left: 0 }]);
    const [deleted] = await take(stream, 1);
    assert.equal(deleted?.deleted.id, tag.id);
  });
}
