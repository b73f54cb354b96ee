// The role that Pulse connects as may not do what it must: capture keeps trying and says why, and goes on when it may.
import assert from 'node:assert/strict';

import type { Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import type { Pulse } from '../harness/pulse.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int' });

const untilSaid = (pulse: Pulse, why: RegExp): Promise<unknown> =>
  until(`capture to say ${why}`, async () => why.test((await pulse.capture()).problem));

scenario('while_rights_are_missing_capture_keeps_trying_says_why_and_streams_on_known_tables_wait', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE ROLE pulse LOGIN; GRANT CREATE ON DATABASE postgres TO pulse;
                      CREATE TABLE rows (id int PRIMARY KEY); ALTER TABLE rows OWNER TO pulse`);
  const pulse = await s.unstarted({ database: postgres.url('postgres', 'pulse') });
  pulse.launch();
  await untilSaid(pulse, /REPLICATION/);
  // Nothing is known of the table yet.
  await assert.rejects(s.consumer(pulse, { model: row, name: 'reader' }), (refused: Refused) => {
    assert.deepEqual([refused.status, refused.json().code], [503, 'P6101']);
    return true;
  });

  await pulse.terminate();
  await postgres.sql('ALTER ROLE pulse REPLICATION');
  await pulse.start();
  const reader = await s.consumer(pulse, { model: row, name: 'reader' });
  await postgres.sql('INSERT INTO rows VALUES (1)');
  await reader.untilReceived(1);
  await reader.close();

  await postgres.sql('ALTER ROLE pulse NOREPLICATION');
  await pulse.terminate();
  pulse.launch();
  await pulse.ready();
  await untilSaid(pulse, /REPLICATION/);
  const waiting = await s.consumer(pulse, { model: row, name: 'reader' });
  await postgres.sql('INSERT INTO rows VALUES (2); ALTER ROLE pulse REPLICATION');
  await waiting.untilReceived(1, 60_000);
  assert.deepEqual(
    waiting.frames.map(({ created }) => created?.['id']),
    [2],
  );
});
