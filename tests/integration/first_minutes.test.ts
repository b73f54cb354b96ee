// What somebody meets who has just begun: an `.env` of Prisma's, a port that is taken, a server whose address was not said,
// an old slot, numbers.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { defineModel } from '../harness/model.js';
import { pulseBinary } from '../harness/paths.js';
import { freePorts, Program } from '../harness/process.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

let programs = 0;

// A command in a folder of its own with this `.env`, and nothing of Pulse's in the environment.
function begin(s: Scenario, pulse: Pulse, dotenv: string, args: string[]): Program {
  const folder = join(pulse.folder, `project-${++programs}`);
  mkdirSync(folder);
  writeFileSync(join(folder, '.env'), dotenv);
  const env = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => name === 'DATABASE_URL' || name.startsWith('PULSE_'))
      .map((name) => [name, undefined]),
  );
  const program = new Program(process.env['PULSE_BIN'] ?? pulseBinary, args, {
    logFile: join(folder, 'log'),
    cwd: folder,
    env,
    signalOnParentEnd: 'KILL',
  });
  s.atEnd(() => program.signal('SIGKILL'));
  return program;
}

scenario('the_database_of_a_prisma_project_is_found_in_its_dotenv_file', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.unstarted({});
  const url = new URL(postgres.url());
  const dotenv = `HOST="127.0.0.1:${url.port}" # of this machine\nDATABASE_URL="postgresql://postgres@\${HOST}/postgres?schema=public"\n`;
  const [port, adminPort] = await freePorts(2);
  const server = begin(s, pulse, dotenv, [
    ...['serve', '--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${adminPort}`],
    ...['--data-dir', pulse.dataFolder],
  ]);
  await until('the server to be ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
  assert.match(server.output, /using the database in DATABASE_URL from \/.*\/\.env\n/);

  const keys = begin(s, pulse, '', ['keys', 'list', '--data-dir', pulse.dataFolder]);
  assert.equal((await keys.ended).code, 0, keys.output);
  const wrong = begin(s, pulse, '', ['streams', 'list', '--project', 'shop', '--data-dir', pulse.dataFolder]);
  assert.equal((await wrong.ended).code, 1);
  assert.match(wrong.output, /no project 'shop'; there are: default/);

  const doctor = begin(s, pulse, dotenv, ['doctor']);
  assert.equal((await doctor.ended).code, 0, doctor.output);
  assert.match(doctor.output, /database in DATABASE_URL from/);
});

scenario('a_port_that_is_taken_is_said_with_the_program_that_has_it', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.unstarted({});
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  s.atEnd(() => {
    other.close();
  });
  const { port } = other.address() as { port: number };
  const server = begin(s, pulse, `DATABASE_URL=${postgres.url()}`, [
    ...['serve', '--listen', `127.0.0.1:${port}`, '--admin-listen', '127.0.0.1:0', '--data-dir', pulse.dataFolder],
  ]);
  assert.notEqual((await server.ended).code, 0);
  assert.match(server.output, new RegExp(`127\\.0\\.0\\.1:${port}.*\\(process ${process.pid}\\) uses this port`));
});

const emails = defineModel('Email', 'emails', { id: 'Int' });

scenario('numbers_are_taken_and_shown_as_people_write_them_and_exact_in_json', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE emails (id int PRIMARY KEY)');
  const env = { PULSE_RETENTION_BYTES: '1.5 GB', PULSE_RETENTION_AGE: '2 days', PULSE_STALL_TIMEOUT: '5 min' };
  const pulse = await s.pulse({ database: postgres.socketUrl(), env: { ...env, PULSE_NAMES: '10,000' } });
  const consumer = await s.consumer(pulse, { model: emails, name: 'mail', ack: 'none' });
  await postgres.sql('INSERT INTO emails SELECT generate_series(1, 1500)');
  await consumer.untilReceived(1000);
  const list = async (...options: string[]): Promise<string> =>
    (await pulse.command(['streams', 'list', '--data-dir', pulse.dataFolder, ...options])).output;
  interface Listed {
    cursors: { lagEvents: number; lagBytes: number; lagSeconds: number }[];
  }
  await until('the list to have them', async () => {
    const { cursors } = JSON.parse(await list('--json')) as Listed;
    return cursors[0]?.lagEvents === 1500;
  });
  const json = await list('--json');
  const [{ lagBytes = 0, lagSeconds = 0 } = {}] = (JSON.parse(json) as Listed).cursors;
  assert.ok(Number.isInteger(lagBytes) && Number.isInteger(lagSeconds));
  assert.match(json, /"lagBytes":\d+,"lagSeconds":\d+,/);
  assert.match(await list(), /^public\.emails +mail +kept +1,500 +[\d.]+ (K|M)iB +\d+ (s|min) /m);

  const gone = await pulse.command(['serve', '--check', '--database', postgres.socketUrl()], {
    PULSE_RETENTION_AGE: '3M',
  });
  assert.equal(gone.code, 2);
  assert.match(gone.output, /'3M' is not a duration, like 7d or 36h/);
});

scenario('a_first_start_beside_an_old_slot_is_explained_with_the_ways_out', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE emails (id int PRIMARY KEY)');
  const before = await s.pulse({ database: postgres.socketUrl() });
  await before.terminate();
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const [gap] = await pulse.gaps();
  assert.equal(gap?.kind, 'log_lost');
  const { output } = pulse.process;
  assert.doesNotMatch(output, /Z error /);
  assert.match(output, /warning capture: a gap: earlier events are not in this data directory/);
  assert.match(output, /start it with that --data-dir/);
  assert.match(output, /run `pulse teardown --yes`/);
  // New streams are served.
  const consumer = await s.consumer(pulse, { model: emails, name: 'mail' });
  await postgres.sql('INSERT INTO emails VALUES (1)');
  await consumer.untilReceived(1);

  // The way to begin anew, as it is said.
  await pulse.terminate();
  const { code } = await pulse.command(['teardown', '--yes', '--database', postgres.socketUrl()]);
  assert.equal(code, 0);
  rmSync(pulse.dataFolder, { recursive: true });
  await pulse.start();
  assert.deepEqual(await pulse.gaps(), []);
});

scenario('many_streams_at_once_do_not_fill_the_log', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE emails (id int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const count = 60;
  const consumers = await Promise.all(
    Array.from({ length: count }, () => s.consumer(pulse, { model: emails, path: '/subscribe' })),
  );
  await Promise.all(consumers.map((consumer) => consumer.close()));
  const told = (one: string, more: string): { lines: string[]; all: number } => {
    const lines = pulse.process.output.split('\n').filter((line) => line.includes(one));
    const counted = [...pulse.process.output.matchAll(new RegExp(`${more}.* count=(\\d+)`, 'g'))];
    return { lines, all: counted.reduce((sum, [, number]) => sum + Number(number), lines.length) };
  };
  const opened = () => told('stream opened', 'more streams opened');
  const ended = () => told('stream ended', 'more streams ended');
  await until('all to be told', () => opened().all === count && ended().all === count);
  for (const { lines } of [opened(), ended()]) {
    const seconds = lines.map((line) => line.slice(0, '2026-11-30T12:00:00'.length));
    // A second of the clock may have parts of two of the server's.
    for (const second of seconds) assert.ok(seconds.filter((one) => one === second).length <= 20, second);
  }
});
