// Many projects of one server: what some have stored is damaged, and of one it takes long to read. The others are served
// meanwhile, whoever asks is told which is which, and the server can be stopped and handed over at any time.
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import type { Refused } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until, within } from '../harness/wait.js';

const item = defineModel('Item', 'items', { id: 'Int' });

const names = Array.from({ length: 24 }, (_, index) => `p${String(index).padStart(2, '0')}`);
// The first and the last to be opened have a database; those of the others cannot be reached.
const reached = [names[0], names[23]] as string[];
const damaged = ['p02', 'p03', 'p11', 'p21', 'p22'];
const slow = 'p01';

interface Setup {
  postgres: Postgres;
  pulse: Pulse;
  // While this file exists, the log of `slow` is not opened.
  order: string;
}

async function prepare(s: Scenario, projects: string[]): Promise<Setup> {
  const postgres = await s.postgres();
  for (const database of reached) {
    await postgres.createDatabase(database);
    await postgres.sql('CREATE TABLE items (id int PRIMARY KEY)', database);
  }
  const nobody = await s.proxy(postgres.port);
  const config = projects
    .map((name) => {
      const url = reached.includes(name)
        ? postgres.url(name)
        : `postgresql://postgres@127.0.0.1:${nobody.port}/${name}`;
      return `[projects.${name}]\ndatabase = "${url}"`;
    })
    .join('\n');
  const order = join(postgres.folder, 'slow-opening');
  const env = {
    LD_PRELOAD: join(root, 'build/release/tests/libslow_opening.so'),
    PULSE_TEST_SLOW_OPENING: order,
    PULSE_TEST_SLOW_PROJECT: slow,
  };
  return { postgres, pulse: await s.unstarted({ config, env }), order };
}

const open = (pulse: Pulse): Promise<number> => pulse.metric('pulse_project_open');

const untilServing = (pulse: Pulse, project: string): Promise<unknown> =>
  until(`capture of ${project}`, async () => (await pulse.capture(project)).progressing, { timeoutMs: 60_000 });

async function state(pulse: Pulse, project: string): Promise<string> {
  return (await pulse.capture(project)).state;
}

// Its newest segment says nothing any more.
function damage(pulse: Pulse, project: string): void {
  const folder = join(pulse.dataFolder, 'projects', project, 'log');
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .pop();
  const file = openSync(join(folder, newest as string), 'r+');
  writeSync(file, Buffer.alloc(8192, 0xff), 0, 8192, 0);
  closeSync(file);
}

scenario('many_projects_of_which_some_are_damaged_and_one_is_slow_keep_no_other_waiting', async (s) => {
  const { postgres, pulse, order } = await prepare(s, names);
  pulse.launch();
  await until('the server to answer', () => pulse.metric('pulse_project_open').catch(() => 0));
  await until('all to be open', async () => (await open(pulse)) === names.length);
  for (const name of reached) await untilServing(pulse, name);
  await pulse.terminate();
  for (const name of damaged) damage(pulse, name);

  writeFileSync(order, '');
  pulse.launch();
  await until('the server to answer', () => pulse.metric('pulse_project_open').catch(() => 0));
  for (const name of reached) {
    await untilServing(pulse, name);
    const consumer = await s.consumer(pulse, { model: item, name: 'reader', apiKey: await pulse.key(name) });
    await postgres.sql('INSERT INTO items SELECT generate_series(1, 100)', name);
    await consumer.untilReceived(100);
  }
  await until('all others to be open', async () => (await open(pulse)) === names.length - damaged.length - 1);
  for (const name of names) {
    const { state, problem } = await pulse.capture(name);
    if (name === slow) assert.equal(state, 'opening');
    else assert.equal(state === 'stopped' && /segment \d+\.seg/.test(problem), damaged.includes(name), name);
  }
  const ready = await fetch(`${pulse.adminUrl}/readyz`);
  assert.equal(ready.status, 503);
  const { projects } = (await ready.json()) as { projects: Record<string, string> };
  assert.match(projects[slow] ?? '', /still being read/);
  for (const name of [...reached, ...damaged]) assert.equal(projects[name], undefined, name);

  const refused = async (): Promise<Refused> => {
    try {
      await s.consumer(pulse, { model: item, name: 'reader', apiKey: await pulse.key(slow) });
    } catch (reason) {
      return reason as Refused;
    }
    throw new Error('a stream has opened');
  };
  const early = await refused();
  assert.equal(early.status, 503);
  assert.equal(early.json().code, 'P6100');
  assert.match(early.json().message ?? '', /the project is opening/);
  const tried = await pulse.command(['streams', 'list', '--project', slow], pulse.adminAccess);
  assert.notEqual(tried.code, 0);
  assert.match(tried.output, /the project is opening/);

  rmSync(order);
  await until('the slow one', async () => (await state(pulse, slow)) !== 'opening');
  assert.equal(await open(pulse), names.length - damaged.length);
  assert.equal((await refused()).json().code, 'P6101', 'it waits for its database now');
  assert.deepEqual(await pulse.terminate(), { code: 0, signal: null });
});

scenario('a_server_that_is_still_opening_a_project_is_stopped_and_handed_over_in_order', async (s) => {
  const sound = reached[0] as string;
  const { postgres, pulse, order } = await prepare(s, [sound, slow]);
  for (const signal of ['SIGTERM', 'SIGUSR2'] as const) {
    writeFileSync(order, '');
    pulse.launch();
    await until('the server to answer', () => pulse.metric('pulse_project_open').catch(() => 0));
    await untilServing(pulse, sound);
    assert.equal(await state(pulse, slow), 'opening');
    pulse.process.signal(signal);
    await until('the signal to be seen', () => /shutting down|hand-over waits/.test(pulse.process.output));
    rmSync(order);
    if (signal === 'SIGTERM') {
      assert.deepEqual(await within('the end', 30_000, pulse.process.ended), { code: 0, signal: null });
    }
  }
  await until('the next program', () => /making way[^]*serving/.test(pulse.process.output));
  await untilServing(pulse, sound);
  await until('the slow one', async () => (await state(pulse, slow)) !== 'opening');
  const consumer = await s.consumer(pulse, { model: item, name: 'reader', apiKey: await pulse.key(sound) });
  await postgres.sql('INSERT INTO items SELECT generate_series(1, 100)', sound);
  await consumer.untilReceived(100);
  assert.deepEqual(await pulse.terminate(), { code: 0, signal: null });
});
