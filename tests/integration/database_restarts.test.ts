// The database goes down under load and comes back: the server stays, and nothing that was committed is missing.
import assert from 'node:assert/strict';

import { defineModel } from '../harness/model.js';
import { firstDifference, Oracle } from '../harness/oracle.js';
import type { Postgres } from '../harness/postgres.js';
import { scenario } from '../harness/scenario.js';
import { sleep, until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int', text: 'String' });

// Goes on writing through restarts. Whether a commit that was cut off holds is for the oracle to say.
function startWriter(postgres: Postgres): { stop: () => Promise<void> } {
  let stopped = false;
  const running = (async () => {
    let next = 1;
    while (!stopped) {
      try {
        const client = await postgres.connect();
        try {
          while (!stopped) {
            await client.query('INSERT INTO rows SELECT n, md5(n::text) FROM generate_series($1::int, $2::int) n', [
              next,
              next + 9,
            ]);
            next += 10;
            await sleep(2);
          }
        } finally {
          next += 10;
          await client.end().catch(() => {});
        }
      } catch {
        await sleep(50);
      }
    }
  })();
  return {
    stop: () => {
      stopped = true;
      return running;
    },
  };
}

scenario(
  'immediate_restarts_of_the_database_lose_nothing',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, text text)');
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const oracle = await Oracle.copy(postgres);
    const consumer = await s.consumer(pulse, { model: row, name: 'reader' });
    const writer = startWriter(postgres);
    s.atEnd(() => writer.stop());

    for (const mode of ['immediate', 'immediate', 'fast', 'immediate'] as const) {
      await consumer.untilReceived(consumer.received + 1000);
      await postgres.stop(mode);
      await until('the server to notice', async () => !(await fetch(`${pulse.adminUrl}/capturez`)).ok, {
        timeoutMs: 60_000,
      });
      await pulse.ready();
      await postgres.start();
      await pulse.capturing(60_000);
    }
    await writer.stop();

    const committed = (await oracle.changes()).map(({ integers }) => String(integers['id']));
    await consumer.untilReceived(committed.length);
    const received = consumer.frames.map((frame) => String(frame.created?.['id']));
    assert.equal(firstDifference(received, committed), undefined, 'once each, in commit order, on one connection');
    assert.equal(consumer.connections, 1, 'the stream stayed open all the while');
    s.note(`${committed.length} rows through four restarts`);
  },
  { timeoutMs: 240_000 },
);

scenario('while_the_database_is_unreachable_streams_on_known_tables_open_and_wait', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, text text)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await postgres.stop('immediate');

  const consumer = await s.consumer(pulse, { model: row, name: 'patient' });
  assert.equal((await pulse.terminate()).code, 0);
  pulse.launch();
  await pulse.ready();
  const another = await s.consumer(pulse, { model: row, name: 'patient-too' });
  await postgres.start();
  await pulse.capturing(60_000);
  await postgres.sql("INSERT INTO rows VALUES (1, 'one')");
  await another.untilReceived(1);
  const reopened = await s.consumer(pulse, { model: row, name: 'patient' });
  await reopened.untilReceived(1);
  consumer.terminate();
});

scenario('a_server_started_while_the_database_is_down_goes_on_when_it_comes', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, text text)');
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  await postgres.stop('fast');
  const program = pulse.launch();
  await until('the server to answer', async () => (await fetch(`http://127.0.0.1:${pulse.listenPort}/healthz`)).ok);
  assert.ok(program.running);
  await postgres.start();
  await pulse.ready(60_000);
  await pulse.capturing(60_000);
  const consumer = await s.consumer(pulse, { model: row, name: 'reader' });
  await postgres.sql("INSERT INTO rows VALUES (1, 'one')");
  await consumer.untilReceived(1);
});
