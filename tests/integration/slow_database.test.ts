// The database is connected and does not answer: what is known of it serves, and does not refuse.
import assert from 'node:assert/strict';

import { Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';

scenario('what_a_catalog_that_may_be_old_would_refuse_is_not_refused_for_that', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, text text)');
  const proxy = await s.proxy(postgres.port);
  await proxy.open();
  const pulse = await s.pulse({ database: `postgresql://postgres@127.0.0.1:${proxy.port}/postgres` });
  const model = defineModel('Row', 'rows', { id: 'Int', text: 'String' });
  await s.consumer(pulse, { model });
  proxy.stall();
  // The table is known, and it has what this asks for.
  await s.consumer(pulse, { model, where: { create: { text: 'a' } } });
  // It has not: who asks may know of an ALTER TABLE that was not seen.
  const refused = await s
    .consumer(pulse, { model, where: { delete: { text: 'a' } } })
    .catch((reason: unknown) => reason);
  assert.ok(refused instanceof Refused);
  assert.equal(refused.status, 503);
  assert.match(refused.body, /PostgreSQL does not answer/);
  await proxy.close();
  await proxy.open();
});
