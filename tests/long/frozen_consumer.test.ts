// How long a standby waits, with the settings as they come, for a consumer that has frozen.
import assert from 'node:assert/strict';

import { pushSchema } from '../harness/prisma.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

scenario('a_frozen_consumer_is_given_up_and_its_standby_takes_over', async (s) => {
  const postgres = await s.postgres();
  await pushSchema(postgres, 'tests/client');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const open = async (count: number): Promise<void> => {
    await until(`${count} open streams`, async () => (await pulse.metric('pulse_streams_open')) === count);
  };
  const first = s.consumerProcess(pulse, 'mail');
  await open(1);
  const second = s.consumerProcess(pulse, 'mail');
  await open(2);
  await postgres.sql('INSERT INTO "Writer" (name) SELECT n::text FROM generate_series(1, 100) n');
  await until('the first 100', () => first.handled().length === 100);

  first.signal('SIGSTOP');
  await postgres.sql('INSERT INTO "Writer" (name) SELECT n::text FROM generate_series(101, 200) n');
  await until('the standby to take over', () => second.handled().at(-1)?.row === 200);
  assert.equal(await pulse.metric('pulse_clients_silent_total'), 1);
  first.signal('SIGCONT');
  await open(2);

  // It is the standby now. What it had received before it froze, and not dealt with, it may deal with late.
  await postgres.sql('INSERT INTO "Writer" (name) SELECT n::text FROM generate_series(201, 300) n');
  await until('the last 100', () => second.handled().at(-1)?.row === 300);
  assert.ok((first.handled().at(-1)?.row as number) <= 200);
  const rows = new Set([...first.handled(), ...second.handled()].map(({ row }) => row));
  assert.equal(rows.size, 300);
});
