// Two projects of one server, and one of them is broken: its database cannot be reached, or sends a change that cannot
// be read, or what it has stored cannot be opened. The other one goes on; status says which is broken and why; once mended, the broken one goes on with nothing
// lost.
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import type { Consumer, Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import type { Proxy } from '../harness/proxy.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const item = defineModel('Item', 'items', { id: 'Int', text: 'String' });

interface Setup {
  postgres: Postgres;
  pulse: Pulse;
  // Between the server and the database of the project that is to be broken.
  proxy: Proxy;
}

const configured = (postgres: Postgres, proxy: Proxy, projects = ['sound', 'broken']): string =>
  [
    `[projects.sound]
     database = "${postgres.url('sound')}"`,
    `[projects.broken]
     database = "postgresql://postgres@127.0.0.1:${proxy.port}/broken"`,
  ]
    .filter((_, index) => projects.includes(['sound', 'broken'][index] as string))
    .join('\n');

async function prepare(s: Scenario): Promise<Setup> {
  const postgres = await s.postgres();
  for (const database of ['sound', 'broken']) {
    await postgres.createDatabase(database);
    await postgres.sql('CREATE TABLE items (id int PRIMARY KEY, text text NOT NULL)', database);
  }
  const proxy = await s.proxy(postgres.port);
  const pulse = await s.unstarted({ config: configured(postgres, proxy) });
  return { postgres, pulse, proxy };
}

const capturing = (pulse: Pulse, project: string): Promise<unknown> =>
  until(`capture of ${project}`, async () => (await pulse.capture(project)).progressing, { timeoutMs: 60_000 });

async function open(s: Scenario, pulse: Pulse, project: string): Promise<Consumer> {
  return s.consumer(pulse, { model: item, name: 'reader', apiKey: await pulse.key(project) });
}

// Rows `first` to `last`, ten a transaction.
async function insert(postgres: Postgres, database: string, first: number, last: number): Promise<void> {
  const client = await postgres.connect(database);
  for (let from = first; from <= last; from += 10) {
    await client.query("INSERT INTO items SELECT n, 'text' FROM generate_series($1::int, $2::int) n", [
      from,
      Math.min(from + 9, last),
    ]);
  }
  await client.end();
}

function assertRows(consumer: Consumer, count: number): void {
  assert.deepEqual(
    consumer.frames.map((frame) => frame.created?.['id']),
    Array.from({ length: count }, (_, index) => index + 1),
  );
}

interface Capturez {
  status: string;
  projects?: Record<string, { state: string; connected: boolean; problem: string }>;
}

async function capturez(pulse: Pulse): Promise<{ status: number; body: Capturez }> {
  const response = await fetch(`${pulse.adminUrl}/capturez`);
  return { status: response.status, body: (await response.json()) as Capturez };
}

// Both places that tell of capture say that `broken` alone is broken, and why.
async function untilTold(pulse: Pulse, why: RegExp): Promise<string> {
  const problem = await until(`the server to say ${why}`, async () => {
    const status = await pulse.capture('broken');
    return !status.progressing && why.test(status.problem) && status.problem;
  });
  const { status, body } = await capturez(pulse);
  assert.equal(status, 503);
  assert.deepEqual(Object.keys(body.projects ?? {}), ['broken']);
  assert.equal((await pulse.capture('sound')).problem, '');
  return problem;
}

scenario('a_database_that_cannot_be_reached_stops_its_own_project_only', async (s) => {
  const { postgres, pulse, proxy } = await prepare(s);
  pulse.launch();
  await capturing(pulse, 'sound');
  const sound = await open(s, pulse, 'sound');
  await insert(postgres, 'sound', 1, 1000);
  await sound.untilReceived(1000);
  await untilTold(pulse, new RegExp(`127\\.0\\.0\\.1:${proxy.port}.*[Cc]onnection refused`));
  await assert.rejects(open(s, pulse, 'broken'), (refused: Refused) => {
    assert.equal(refused.status, 503);
    assert.equal(refused.json().code, 'P6101');
    return true;
  });

  await proxy.open();
  await capturing(pulse, 'broken');
  assert.equal((await capturez(pulse)).status, 200);
  const mended = await open(s, pulse, 'broken');
  await insert(postgres, 'broken', 1, 100);
  await mended.untilReceived(100);

  await proxy.close();
  await untilTold(pulse, /[Cc]onnection refused/);
  await insert(postgres, 'broken', 101, 500);
  await insert(postgres, 'sound', 1001, 2000);
  await sound.untilReceived(2000);
  assert.equal(mended.received, 100);
  await proxy.open();
  await mended.untilReceived(500);
  assertRows(mended, 500);
  assertRows(sound, 2000);
  assert.equal(mended.connections + sound.connections, 2, 'the streams have stayed open');
});

scenario('a_change_that_cannot_be_decoded_stops_its_own_project_only_and_says_where', async (s) => {
  const { postgres, pulse, proxy } = await prepare(s);
  await proxy.open();
  await pulse.start();
  const sound = await open(s, pulse, 'sound');
  const broken = await open(s, pulse, 'broken');

  // Each column of a row is its kind (a byte), its length (four) and its text: the kind becomes one that there is not.
  const marker = 'poison';
  let poisoned = 0;
  proxy.tamper = (message) => {
    const at = message[0] === 'd'.charCodeAt(0) ? message.indexOf(marker, 0, 'latin1') : -1;
    if (at < 0) return;
    poisoned++;
    message[at - 5] = 0x21;
  };
  await insert(postgres, 'broken', 1, 100);
  const lsn = async (): Promise<string> => {
    const { rows } = await postgres.sql('SELECT pg_current_wal_insert_lsn() AS lsn', 'broken');
    return (rows[0] as { lsn: string }).lsn;
  };
  const before = await lsn();
  // In the middle of a transaction.
  await postgres.sql(
    `INSERT INTO items SELECT n, CASE n WHEN 105 THEN '${marker}' ELSE 'text' END FROM generate_series(101, 110) n`,
    'broken',
  );
  const after = await lsn();
  const problem = await untilTold(pulse, /pgoutput message 'I' at [0-9A-F]+\/[0-9A-F]+: table public\.items: /);
  const told = /at ([0-9A-F]+\/[0-9A-F]+):/.exec(problem)?.[1];
  const { rows } = await postgres.sql(
    `SELECT '${told}'::pg_lsn BETWEEN '${before}' AND '${after}' AS within`,
    'broken',
  );
  assert.deepEqual(rows, [{ within: true }], `${told} is where the change stands: ${before} to ${after}`);
  assert.match(pulse.process.output, /capture stopped: it needs your attention.*project=broken/);

  await insert(postgres, 'sound', 1, 2000);
  await insert(postgres, 'broken', 111, 500);
  await sound.untilReceived(2000);
  assertRows(sound, 2000);
  assert.ok(broken.received <= 104, 'nothing behind the change that cannot be read');

  // It is poison for a server that starts as well.
  const seen = poisoned;
  await pulse.terminate();
  pulse.launch();
  await capturing(pulse, 'sound');
  await untilTold(pulse, /pgoutput message 'I' at /);
  assert.ok(poisoned > seen);
  const again = await open(s, pulse, 'sound');
  await insert(postgres, 'sound', 2001, 2100);
  await again.untilReceived(100);

  const mended = await open(s, pulse, 'broken');
  proxy.tamper = undefined;
  await until('the rest', () => broken.received + mended.received >= 500, { timeoutMs: 60_000 });
  const all = [...broken.frames, ...mended.frames].map((frame) => frame.created?.['id']);
  assert.deepEqual(
    [...new Set(all)],
    Array.from({ length: 500 }, (_, index) => index + 1),
  );
  await capturing(pulse, 'broken');
});

// By name.
function filesOf(folder: string): Map<string, Buffer> {
  return new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name))]),
  );
}

function overwrite(path: string, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
}

scenario('a_log_that_cannot_be_opened_stops_its_own_project_only_and_is_left_as_it_is', async (s) => {
  const { postgres, pulse, proxy } = await prepare(s);
  await proxy.open();
  await pulse.start();
  for (const database of ['sound', 'broken']) {
    (await open(s, pulse, database)).terminate();
    await insert(postgres, database, 1, 100);
  }
  await until('all to be stored', async () => (await pulse.metric('pulse_events_stored_total')) >= 200);
  assert.equal(await pulse.metric('pulse_project_open'), 2);
  await pulse.terminate();

  const folder = join(pulse.dataFolder, 'projects/broken/log');
  const newest = join(folder, [...filesOf(folder).keys()].filter((name) => name.endsWith('.seg')).pop() as string);
  // The header, and the first block, which says the same again.
  const whole = readFileSync(newest).subarray(0, 8192);
  overwrite(newest, Buffer.alloc(whole.length, 0xff));
  const damaged = filesOf(folder);

  pulse.launch();
  await pulse.ready();
  await until('capture of sound', async () => (await pulse.capture('sound')).progressing);
  const sound = await open(s, pulse, 'sound');
  await insert(postgres, 'sound', 101, 200);
  await sound.untilReceived(200);
  assertRows(sound, 200);

  await untilTold(pulse, /segment \d+\.seg: .*; restore/);
  assert.equal((await pulse.capture('broken')).state, 'stopped');
  assert.match(pulse.process.output, /project not opened: it is stopped.*project=broken.*segment \d+\.seg/);
  assert.equal(await pulse.metric('pulse_project_open'), 1);
  await assert.rejects(open(s, pulse, 'broken'), (refused: Refused) => {
    assert.equal(refused.status, 500);
    assert.equal(refused.json().code, 'P6100');
    assert.match(refused.json().message ?? '', /its stored events or state cannot be opened/);
    return true;
  });
  for (const command of [
    ['streams', 'list'],
    ['streams', 'seek', 'items', 'reader', '--to', 'end'],
    ['gaps', 'list'],
    ['gaps', 'skip', '0/1'],
    ['gaps', 'accept', '1'],
    ['tail', 'items'],
  ]) {
    const { code, output } = await pulse.command([...command, '--project', 'broken'], pulse.adminAccess);
    assert.notEqual(code, 0, output);
    assert.match(output, /its stored events or state cannot be opened/, command.join(' '));
  }
  pulse.process.signal('SIGHUP');
  await until('the settings to be read', () => pulse.process.output.includes('configuration read again'));
  await pulse.terminate();
  assert.deepEqual(filesOf(folder), damaged, 'nothing of it was touched');

  // There is nobody to go on for.
  pulse.configure(configured(postgres, proxy, ['broken']));
  assert.equal((await pulse.launch().ended).code, 1);
  assert.match(pulse.process.output, /cannot start.*project broken.*segment \d+\.seg/);
  assert.deepEqual(filesOf(folder), damaged, 'nothing of it was touched');

  overwrite(newest, whole);
  pulse.configure(configured(postgres, proxy));
  await pulse.start();
  const mended = await open(s, pulse, 'broken');
  await insert(postgres, 'broken', 101, 200);
  await mended.untilReceived(200);
  assertRows(mended, 200);
});
