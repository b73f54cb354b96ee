// A client that was generated before a column was renamed: its events come without the field, and the log says so once.
import assert from 'node:assert/strict';

import type { Consumer } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const old = defineModel('User', 'users', { id: 'Int', name: 'String', mail: 'String', initial: 'String' });

async function start(s: Scenario): Promise<{ postgres: Postgres; pulse: Pulse }> {
  const postgres = await s.postgres();
  // What is generated is not sent, and no reason to generate the client again.
  await postgres.sql(`
    CREATE TABLE users (id int PRIMARY KEY, name text, mail text,
                        initial text GENERATED ALWAYS AS (left(mail, 1)) STORED)`);
  return { postgres, pulse: await s.pulse({ database: postgres.socketUrl() }) };
}

// What is missing, and what is there and not in the model, of each warning.
const warnings = (pulse: Pulse): string[][] =>
  [
    ...pulse.process.output.matchAll(
      /warning streams: client's model has columns .* stream=(\S+) .*missing_columns=("[^"]*"|\S+) columns_not_in_model=(\S+) next=".*prisma generate/g,
    ),
  ].map(([, ...found]) => found);

async function receive(postgres: Postgres, consumer: Consumer, from: number, to: number): Promise<void> {
  const before = consumer.frames.length;
  await postgres.sql(`INSERT INTO users SELECT i, 'n' FROM generate_series(${from}, ${to}) i`);
  await consumer.untilReceived(before + to - from + 1);
}

scenario('a_column_renamed_under_an_old_model_is_said_once_for_each_stream_and_change', async (s) => {
  const { postgres, pulse } = await start(s);
  const mail = await s.consumer(pulse, { model: old, name: 'mail' });
  await receive(postgres, mail, 1, 3);
  assert.deepEqual(warnings(pulse), []);

  await postgres.sql('ALTER TABLE users RENAME name TO full_name');
  await receive(postgres, mail, 4, 10);
  await until('it to be said', () => warnings(pulse).length > 0);
  assert.deepEqual(warnings(pulse), [['mail', 'name', 'full_name']]);
  assert.deepEqual(Object.keys(mail.frames.at(-1)?.created ?? {}), ['id', 'mail']);

  // A client that connects again says nothing new; another stream does.
  await mail.close();
  const again = await s.consumer(pulse, { model: old, name: 'mail' });
  await receive(postgres, again, 11, 12);
  assert.equal(warnings(pulse).length, 1);
  await s.consumer(pulse, { model: old, name: 'search' });
  await until('it to be said of it', () => warnings(pulse).length > 1);
  assert.deepEqual(warnings(pulse).slice(1), [['search', 'name', 'full_name']]);

  // The next change is another one.
  await postgres.sql('ALTER TABLE users DROP mail CASCADE');
  await receive(postgres, again, 13, 14);
  await until('it to be said of both', () => warnings(pulse).length === 4);
  assert.deepEqual(warnings(pulse).slice(2).sort(), [
    ['mail', '"name, mail"', 'full_name'],
    ['search', '"name, mail"', 'full_name'],
  ]);
});

scenario('a_model_that_is_newer_than_what_is_stored_is_not_called_old', async (s) => {
  const { postgres, pulse } = await start(s);
  const first = await s.consumer(pulse, { model: old, name: 'mail', ack: 'none' });
  await receive(postgres, first, 1, 3);
  await first.close();
  await postgres.sql('ALTER TABLE users ADD nick text; INSERT INTO users (id) VALUES (4)');
  const model = defineModel('User', 'users', { id: 'Int', name: 'String', nick: 'String' });
  const second = await s.consumer(pulse, { model, name: 'mail' });
  await second.untilReceived(4);
  assert.deepEqual(Object.keys(second.frames[0]?.created ?? {}), ['id', 'name']);
  assert.deepEqual(Object.keys(second.frames[3]?.created ?? {}), ['id', 'name', 'nick']);
  assert.deepEqual(warnings(pulse), []);
});
