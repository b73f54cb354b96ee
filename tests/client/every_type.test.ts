// Every scalar type, as the real client receives it, is the value that Prisma Client itself reads from the table.
import assert from 'node:assert/strict';

import { scenario } from '../harness/scenario.js';
import { RandomRows } from './random_rows.js';
import { comparable, setUp, take } from './real_client.js';

// A model header does not say what an enum's values are called in the application (@map): the stream has the names that
// the database has.
const label = (name: string): string => (name === 'GOLD' ? 'gold_rank' : name);

function asStreamed<T extends { rank: string; rankOpt: string | null; ranks: string[] } | null>(row: T): unknown {
  assert.ok(row);
  const { rank, rankOpt, ranks } = row;
  return comparable({
    ...row,
    rank: label(rank),
    rankOpt: rankOpt === null ? null : label(rankOpt),
    ranks: ranks.map(label),
  });
}

scenario('creates_updates_and_deletes_of_random_rows_equal_what_prisma_reads', async (s) => {
  const rows = 120;
  const { prisma } = await setUp(s);
  const stream = await prisma.everything.stream({ name: 'every-type' });
  const make = new RandomRows(s.random);
  const expected: unknown[] = [];
  for (let n = 0; n < rows; n++) {
    const { id } = await prisma.everything.create({ data: make.row(), select: { id: true } });
    expected.push({ action: 'create', created: asStreamed(await prisma.everything.findUnique({ where: { id } })) });
    await prisma.everything.update({ where: { id }, data: make.row() });
    expected.push({ action: 'update', after: asStreamed(await prisma.everything.findUnique({ where: { id } })) });
    // One column changes and the large ones do not: their values are not sent by PostgreSQL when stored out of line.
    if (s.random.chance(0.5)) {
      await prisma.everything.delete({ where: { id } });
      expected.push({ action: 'delete', deleted: { id } });
    }
  }
  const events = await take(stream, expected.length);
  events.forEach((event, index) => {
    const { action } = event;
    const value =
      action === 'create'
        ? { created: event.created }
        : action === 'update'
          ? { after: event.after }
          : { deleted: event.deleted };
    assert.deepEqual(comparable({ action, ...value }), expected[index], `event ${index}, seed ${s.random.seed}`);
  });
  assert.equal(new Set(events.map((event) => event.id)).size, events.length);
  for (const { id } of events) assert.match(id, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
});

scenario('values_that_only_sql_writes_equal_what_prisma_reads', async (s) => {
  const { prisma, postgres } = await setUp(s);
  const stream = await prisma.everything.stream();
  const base = {
    big: '1',
    double: '1',
    exact: '1',
    text: "''",
    json: "'{}'",
    bytes: "''",
    changed_at: "'2024-01-01'",
    uid: 'md5(random()::text)::uuid',
  };
  const cases: Record<string, string>[] = [
    { at6: "'2024-05-28 12:34:56.789999'", '"atZone"': "'2024-05-28 12:34:56.123456+05:30'" },
    { at6: "'2024-05-28 12:34:56'", '"atZone"': "'1900-01-01 00:00:00-11'" },
    { time: "'23:59:59.999'", '"timeZone"': "'12:34:56.789+02'" },
    { '"timeZone"': "'01:00:00-05:30'" },
    { at: "'0099-01-01 00:00:00'", day: "'0044-03-15'" },
    { exact: "'0.000000000000000000000000000001'", '"exactOpt"': "'-12345678901234567890123456789012345.5'" },
    { double: "'1e-300'", single: "'1e-40'" },
    { json: '\'{"b": 1, "a": [1.0, 1e2, "\\u00e9"], "$type": "Json"}\'', '"jsonText"': '\'  {"b" :1, "a":null}\'' },
    { fixed: "'ab'", varchar: "''", bits: "B'0110'", varbits: "B''" },
    { text: "repeat(md5('long'), 5000)", bytes: "decode(repeat('00ff', 5000), 'hex')" },
    { wholes: "'[3:4]={1,2}'", text_list: "ARRAY['', 'NULL', 'a\"b', 'c\\d', '{}', ',']", bigs: "'{}'" },
    { wholes: 'NULL', text_list: 'NULL', moments: 'NULL' },
  ];
  const expected: unknown[] = [];
  for (const columns of cases) {
    const all = { ...base, ...columns };
    const { rows } = await postgres.sql(
      `INSERT INTO everything (${Object.keys(all).join(', ')}) VALUES (${Object.values(all).join(', ')}) RETURNING id`,
    );
    const { id } = rows[0] as { id: number };
    expected.push(asStreamed(await prisma.everything.findUnique({ where: { id } })));
  }
  const events = await take(stream, cases.length);
  events.forEach((event, index) => {
    assert.equal(event.action, 'create');
    assert.deepEqual(
      comparable('created' in event ? event.created : undefined),
      expected[index],
      JSON.stringify(cases[index]),
    );
  });
});

scenario('an_update_that_leaves_large_values_alone_never_fakes_them', async (s) => {
  const { prisma, postgres } = await setUp(s);
  const large = s.random.bytes(60_000).toString('hex');
  const make = new RandomRows(s.random);
  const { id } = await prisma.everything.create({
    data: { ...make.row(), text: large, texts: ['small'] },
    select: { id: true },
  });

  // Without the old row PostgreSQL does not send the value: it is left out, not null and not empty.
  const first = await prisma.everything.stream({ update: {} });
  await prisma.everything.update({ where: { id }, data: { whole: 1 } });
  const [left] = await take(first, 1);
  assert.ok(left?.action === 'update');
  assert.equal(left.after.whole, 1);
  assert.ok(!('text' in left.after), 'left out');

  await postgres.sql('ALTER TABLE everything REPLICA IDENTITY FULL');
  const second = await prisma.everything.stream({ update: {} });
  await prisma.everything.update({ where: { id }, data: { whole: 2 } });
  const [filled] = await take(second, 1);
  assert.ok(filled?.action === 'update');
  assert.deepEqual(comparable(filled.after), asStreamed(await prisma.everything.findUnique({ where: { id } })));
});
