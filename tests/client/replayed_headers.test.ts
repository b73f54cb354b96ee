// Headers of Prisma versions that are not installed here, as they were captured: a full one (5.22) and a pruned one
// (7.10). Both get the same events.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { WebSocket } from 'ws';

import type { Frame } from '../harness/consumer.js';
import { root } from '../harness/paths.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until, within } from '../harness/wait.js';

const data = join(root, 'tests/client/data');
const versions = ['5.22.0', '7.10.0'];

// Sends the header as it was sent, not as this project's harness would make it.
async function replay(s: Scenario, pulse: Pulse, version: string, name: string): Promise<Frame[]> {
  const captured = JSON.parse(readFileSync(join(data, version, `${name}.json`), 'utf8')) as {
    where?: { name?: string };
  };
  const socket = new WebSocket(`${pulse.url}/stream`, [], {
    headers: {
      authorization: `Bearer ${pulse.apiKey}`,
      subscription: JSON.stringify(captured),
      // One name a version: two connections on one name would take turns.
      stream: JSON.stringify(captured.where?.name === undefined ? {} : { name: `${version} ${captured.where.name}` }),
      'prisma-client-version': version,
    },
  });
  s.atEnd(() => socket.terminate());
  const frames: Frame[] = [];
  socket.on('message', (message: Buffer) => {
    const frame = JSON.parse(message.toString()) as Frame;
    frames.push(frame);
    socket.send(JSON.stringify({ type: 'ack', id: frame.id }));
  });
  const open = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) =>
      reject(new Error(`refused with ${response.statusCode}`)),
    );
  });
  await within(`${version}/${name} to open`, 10_000, open);
  return frames;
}

const insertAllTypes = `
  INSERT INTO all_types (uid, big, f, dec, s, j, by, updated_at, str_list, role_opt, i_opt, bigs, dtz, "jOpt")
  VALUES (md5(random()::text)::uuid, 9007199254740993, 0.1, 1.5, 'é', '{"a": 1}', '\\x00ff', '2024-05-28 12:34:56.789', '{x,"y z"}', 'admin_role',
          5, '{1,2}', '2024-05-28 12:34:56.789+02', '[1]')`;

scenario('headers_of_5_22_and_7_10_get_the_same_events', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(readFileSync(join(data, 'schema.sql'), 'utf8'));
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const streams = new Map<string, Frame[]>();
  for (const version of versions) {
    for (const name of ['AllTypes', 'Author', 'Tenant', 'Sixty', 'latin1', 'newline', 'nullstr', 'emptykinds']) {
      streams.set(`${version}/${name}`, await replay(s, pulse, version, name));
    }
  }
  await postgres.sql(insertAllTypes);
  await postgres.sql("UPDATE all_types SET vc = 'now not null', s = E'a\\n\"b\"'; DELETE FROM all_types");
  await postgres.sql(insertAllTypes.replace("'é'", `E'a\\n"b"'`));
  await postgres.sql(`
    INSERT INTO "Author" (name) VALUES ('José');
    INSERT INTO other.tenants VALUES (1, 'a', NULL); DELETE FROM other.tenants;
    INSERT INTO sixty_fields (some_longer_column_00, "someLongerField02", "someLongerField10", some_longer_column_12,
      "someLongerField20", "someLongerField22", some_longer_column_30, "someLongerField32", "someLongerField40",
      some_longer_column_42, "someLongerField50", "someLongerField52")
    VALUES ('0', 2, '10', 12, '20', 22, '30', 32, '40', 42, '50', 52)`);
  const counts = { AllTypes: 4, Author: 1, Tenant: 2, Sixty: 1, latin1: 1, newline: 1, nullstr: 2, emptykinds: 4 };
  for (const [name, count] of Object.entries(counts)) {
    for (const version of versions) {
      const frames = streams.get(`${version}/${name}`) as Frame[];
      await until(`${count} events of ${version}/${name}`, () => frames.length >= count);
      assert.equal(frames.length, count, `${version}/${name}`);
    }
    assert.deepEqual(streams.get(`7.10.0/${name}`), streams.get(`5.22.0/${name}`), name);
  }

  const [created, updated, deleted] = streams.get('7.10.0/AllTypes') as [Frame, Frame, Frame];
  const row = created.created as Record<string, unknown>;
  const some = [
    'big',
    'f',
    'dec',
    's',
    'j',
    'jOpt',
    'by',
    'dtz',
    'updatedAt',
    'strs',
    'roleOpt',
    'role',
    'iOpt',
    'bigs',
    'vc',
  ];
  assert.deepEqual(Object.fromEntries(some.map((field) => [field, row[field]])), {
    big: { $type: 'BigInt', value: '9007199254740993' },
    f: 0.1,
    dec: { $type: 'Decimal', value: '1.500000000000000000000000000000' },
    s: 'é',
    j: { $type: 'Json', value: '{"a": 1}' },
    jOpt: { $type: 'Json', value: '[1]' },
    by: { $type: 'Bytes', value: 'AP8=' },
    dtz: { $type: 'DateTime', value: '2024-05-28T10:34:56.789Z' },
    updatedAt: { $type: 'DateTime', value: '2024-05-28T12:34:56.789Z' },
    strs: ['x', 'y z'],
    roleOpt: 'admin_role',
    role: 'USER',
    iOpt: 5,
    bigs: ['1', '2'].map((value) => ({ $type: 'BigInt', value })),
    vc: null,
  });
  assert.ok(!('uns' in row) && !('author' in row), 'neither what Prisma does not support nor relations');
  assert.equal(updated.before, null);
  assert.equal(updated.after?.['vc'], 'now not null');
  assert.deepEqual(deleted.deleted, { id: row['id'] });
  assert.deepEqual(
    (streams.get('7.10.0/Tenant') as Frame[]).map((frame) => frame.created ?? frame.deleted),
    [
      { orgId: 1, slug: 'a', name: null },
      { orgId: 1, slug: 'a' },
    ],
  );
  assert.deepEqual(streams.get('7.10.0/latin1')?.[0]?.created?.['s'], 'é');
});
