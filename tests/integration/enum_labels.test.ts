// Labels of enums are added and renamed under open streams, and while no server runs.
import assert from 'node:assert/strict';

import { type Consumer, Refused, rowOf } from '../harness/consumer.js';
import { defineModel, type Model } from '../harness/model.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const model: Model = defineModel('Order', 'orders', { id: 'Int', state: 'String' });
(model.model.fields[1] as { kind: string }).kind = 'enum';

const setup = `CREATE TYPE state AS ENUM ('placed', 'paid'); CREATE TABLE orders (id int PRIMARY KEY, state state)`;
const rows = (consumer: Consumer): unknown[] => consumer.frames.map((frame) => Object.values(rowOf(frame)));

const ofState = (s: Scenario, pulse: Pulse, state: string): Promise<Consumer> =>
  s.consumer(pulse, { model, where: { create: { state } } });

scenario('labels_added_and_renamed_come_as_they_were_when_the_row_was_written', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(setup);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const all = await s.consumer(pulse, { model, name: 'all' });
  await postgres.sql("INSERT INTO orders VALUES (1, 'placed')");
  await postgres.sql("ALTER TYPE state ADD VALUE 'sent'");
  await postgres.sql("INSERT INTO orders VALUES (2, 'sent')");
  const sent = await ofState(s, pulse, 'sent');
  await postgres.sql("INSERT INTO orders VALUES (3, 'sent'), (4, 'paid')");
  await postgres.sql("ALTER TYPE state RENAME VALUE 'placed' TO 'ordered'");
  await postgres.sql("INSERT INTO orders VALUES (5, 'ordered'), (6, 'sent')");
  await all.untilReceived(6);
  await sent.untilReceived(2);
  const written = [
    [1, 'placed'],
    [2, 'sent'],
    [3, 'sent'],
    [4, 'paid'],
    [5, 'ordered'],
    [6, 'sent'],
  ];
  assert.deepEqual(rows(all), written);
  assert.deepEqual(rows(sent), [
    [3, 'sent'],
    [6, 'sent'],
  ]);

  // Stored before, read after: also by a stream that begins now.
  await pulse.terminate();
  await postgres.sql("INSERT INTO orders VALUES (7, 'ordered')");
  await postgres.sql("ALTER TYPE state RENAME VALUE 'ordered' TO 'received'; ALTER TYPE state ADD VALUE 'lost'");
  await postgres.sql("INSERT INTO orders VALUES (8, 'received'), (9, 'lost')");
  await pulse.start();
  const rest = await s.consumer(pulse, { model, name: 'all' });
  await rest.untilReceived(3);
  assert.deepEqual(rows(rest), [
    [7, 'ordered'],
    [8, 'received'],
    [9, 'lost'],
  ]);
  await rest.close();
  await until('the stream to be closed', async () => {
    const { code } = await pulse.command(['streams', 'seek', 'orders', 'all', '--to', 'beginning'], pulse.adminAccess);
    return code === 0;
  });
  const again = await s.consumer(pulse, { model, name: 'all' });
  await again.untilReceived(9);
  assert.deepEqual(rows(again), [...written, ...rows(rest)]);
});

scenario('a_label_is_known_as_soon_as_it_is_there_and_refused_as_soon_as_it_is_not', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(setup);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  // Nothing where it was accepted: what is known is enough where the database takes its time to say that it has changed.
  const refusal = async (state: string): Promise<string | undefined> => {
    const answer = await ofState(s, pulse, state).catch((reason: unknown) => reason);
    if (answer instanceof Refused) return answer.body;
    await (answer as Consumer).close();
    return undefined;
  };
  assert.match((await refusal('sent')) ?? '', /'sent' is no label of the enum .*state; its labels are placed, paid/);
  await postgres.sql("ALTER TYPE state ADD VALUE 'sent'");
  const sent = await ofState(s, pulse, 'sent');
  await postgres.sql("INSERT INTO orders VALUES (1, 'sent')");
  await sent.untilReceived(1);
  await postgres.sql("ALTER TYPE state RENAME VALUE 'sent' TO 'shipped'");
  const refused = await until('the label to be refused', () => refusal('sent'));
  assert.match(refused, /its labels are placed, paid, shipped/);
});
