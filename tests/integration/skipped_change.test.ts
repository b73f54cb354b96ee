// A change that cannot be decoded: capture stands before it until an operator skips it, and what is lost is a gap.
import assert from 'node:assert/strict';

import { connectPrisma } from '../client/real_client.js';
import { readAll, refusedUntilAccepted, theGap, write } from '../harness/gaps.js';
import { pushSchema } from '../harness/prisma.js';
import { scenario } from '../harness/scenario.js';
import { until, within } from '../harness/wait.js';

scenario('a_change_that_cannot_be_decoded_is_skipped_by_name_and_is_a_gap', async (s) => {
  const postgres = await s.postgres();
  await pushSchema(postgres, 'tests/client');
  const proxy = await s.proxy(postgres.port);
  await proxy.open();
  const pulse = await s.pulse({ database: `postgresql://postgres@127.0.0.1:${proxy.port}/postgres` });
  const prisma = connectPrisma(postgres, pulse);
  s.atEnd(() => prisma.$disconnect());
  const setup = { postgres, pulse, prisma };
  for (const name of ['mail', 'late']) (await prisma.writer.stream({ name, create: {} })).stop();
  await write(setup, 'before');
  await readAll(setup, 'mail', 'before');

  const tags = await prisma.tag.stream({ name: 'tags', create: {} });
  const tagReader = tags.getReader();
  const labels: string[] = [];
  // Of another table: nothing of it is missing, and nobody has to say so. A server that is killed sends its last ones again.
  const tagged = async (label: string): Promise<void> => {
    await postgres.sql(`INSERT INTO "Tag" (label) VALUES ('${label}')`);
    for (let seen: string | undefined; seen !== label; ) {
      const { value } = await within(`the tag ${label}`, 30_000, tagReader.read());
      assert.ok(value !== undefined && 'created' in value);
      seen = (value.created as { label: string }).label;
      assert.ok([...labels, label].includes(seen), seen);
      tags.acknowledgeEvent(value.id);
    }
    labels.push(label);
  };
  await tagged('before');

  // Each column of a row is its kind (a byte), its length (four) and its text: the kind becomes one that there is not.
  proxy.tamper = (message) => {
    const at = message[0] === 'd'.charCodeAt(0) ? message.indexOf('poison', 0, 'latin1') : -1;
    if (at >= 0) message[at - 5] = 0x21;
  };
  const skip = async (lsn: string): Promise<{ code: number | null; output: string }> =>
    pulse.command(['gaps', 'skip', lsn, '--json'], pulse.adminAccess);
  assert.match((await skip('0/1')).output, /is not stopped at a change that it cannot decode/);

  await postgres.sql(`INSERT INTO "Writer" (name) VALUES ('one'), ('poison'), ('two')`);
  await write(setup, 'behind');
  const place = await until('capture to stand before it', async () => {
    const { problem } = await pulse.capture();
    return /at ([0-9A-F]+\/[0-9A-F]+): table public\.Writer: .*`pulse gaps skip \1`/.exec(problem)?.[1];
  });
  const other = await skip('0/1');
  assert.notEqual(other.code, 0);
  assert.match(other.output, new RegExp(`capture is stopped at the change at ${place}, not at 0/1`));
  assert.deepEqual(await pulse.gaps(), []);

  const skipped = await skip(place);
  assert.equal(skipped.code, 0, skipped.output);
  const gap = await theGap(pulse, 'skipped');
  assert.match(gap.reason, /an operator skipped a change that could not be decoded: .*table public\.Writer/);
  await until('capture to go on', async () => (await pulse.capture()).progressing);
  await tagged('behind');
  assert.equal(await pulse.metric('pulse_changes_skipped_total'), 1);

  // The order outlives the server: the change may be sent to the next one, too.
  await pulse.kill();
  await pulse.start();
  assert.deepEqual(await pulse.gaps(), [gap]);
  await tagged('after the restart');
  tags.stop();
  await tagReader.cancel();

  // What was before the gap comes first.
  await readAll(setup, 'mail', 'one');
  await refusedUntilAccepted(setup, 'mail', gap, 'two', 'behind');
  await readAll(setup, 'late', 'before', 'one', 'two', 'behind');
});
