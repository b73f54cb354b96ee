// Amounts (money) in currencies that have no decimals, or three: PostgreSQL stores how many of the smallest unit there
// are, and lc_monetary says what that is.
import assert from 'node:assert/strict';

import { rowOf } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { NativeConsumer } from '../harness/native.js';
import { scenario } from '../harness/scenario.js';

const payment = defineModel('Payment', 'payments', { id: 'Int', amount: 'Decimal', parts: 'Decimal[]' });

const currencies = [
  { database: 'yen', locale: 'ja_JP.UTF-8', large: '1500', decimals: 0 },
  { database: 'dinar', locale: 'ar_BH.UTF-8', large: '1234.567', decimals: 3 },
  { database: 'dollar', locale: 'C', large: '1234.56', decimals: 2 },
];

scenario('amounts_have_the_decimals_of_the_currency_that_the_database_is_set_to', async (s) => {
  const postgres = await s.postgres({ locales: ['ja_JP', 'ar_BH'] });
  for (const { database, locale } of currencies) {
    await postgres.createDatabase(database);
    await postgres.sql(`ALTER DATABASE ${database} SET lc_monetary = '${locale}'`);
    await postgres.sql(
      `CREATE DOMAIN price AS money; CREATE TYPE item AS (what text, costs price);
       CREATE TABLE payments (id int PRIMARY KEY, amount money, parts money[], price price, item item)`,
      database,
    );
  }
  const pulse = await s.unstarted({
    config: currencies
      .map(({ database }) => `[projects.${database}]\ndatabase = "${postgres.socketUrl(database)}"`)
      .join('\n'),
  });
  await pulse.start();
  for (const { database, large, decimals } of currencies) {
    const access = { apiKey: await pulse.key(database) };
    const native = await NativeConsumer.open(s, pulse, { table: 'payments', ...access });
    const official = await s.consumer(pulse, { model: payment, ...access });
    const filtered = await NativeConsumer.open(s, pulse, {
      table: 'payments',
      where: { create: { amount: { gte: large } } },
      ...access,
    });
    const smallest = (1 / 10 ** decimals).toFixed(decimals);
    await postgres.sql(
      `INSERT INTO payments SELECT id, m, ARRAY[m, m], m, ROW('x', m)::item
       FROM (VALUES (1, 0), (2, ${large}), (3, -${large}), (4, ${smallest}), (5, 1234567)) AS row (id, n),
            LATERAL (SELECT n::numeric::money AS m) AS amount`,
      database,
    );
    const { rows } = await postgres.sql(
      'SELECT id, amount::numeric::text AS amount FROM payments ORDER BY id',
      database,
    );
    const expected = (rows as { id: number; amount: string }[]).map(({ id, amount }) => ({ id, amount }));
    assert.equal(expected[1]?.amount, large);
    await native.untilReceived(5);
    await official.untilReceived(5);
    assert.deepEqual(
      native.events.map(({ after }) => after),
      expected.map(({ id, amount }) => ({
        id,
        amount,
        parts: [amount, amount],
        price: amount,
        item: { what: 'x', costs: amount },
      })),
    );
    assert.deepEqual(
      official.frames.map(rowOf),
      expected.map(({ id, amount }) => {
        const value = { $type: 'Decimal', value: amount };
        return { id, amount: value, parts: [value, value] };
      }),
    );
    await filtered.untilReceived(2);
    assert.deepEqual(
      filtered.events.map(({ after }) => after?.id),
      [2, 5],
    );
  }
});
