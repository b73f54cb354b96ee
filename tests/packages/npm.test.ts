// The npm package: from the packed file alone, without a registry.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setUp, take } from '../client/real_client.js';
import { removeFolder } from '../harness/cleanup.js';
import { freePorts, Program } from '../harness/process.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';
import { packed } from './files.js';

const archive = packed(/^pulse-server-.*\.tgz$/);

// A folder with the packed file, and nothing else; npm has nothing in its cache.
function emptyProject(s: Scenario): { folder: string; run: (...command: string[]) => ReturnType<typeof spawnSync> } {
  const folder = mkdtempSync(join(tmpdir(), 'pulse-npm-'));
  s.atEnd(() => removeFolder(folder));
  copyFileSync(archive, join(folder, basename(archive)));
  writeFileSync(join(folder, 'package.json'), '{"private": true}\n');
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    npm_config_cache: join(folder, 'cache'),
    npm_config_offline: 'true',
  };
  return {
    folder,
    run: (command = '', ...args) => spawnSync(command, args, { cwd: folder, env, encoding: 'utf8' }),
  };
}

const { version } = JSON.parse(readFileSync(packed(/\.cdx\.json$/), 'utf8')).metadata.component as { version: string };

scenario('npx_runs_it_from_the_packed_file', async (s) => {
  const { run } = emptyProject(s);
  const said = run('npx', '--yes', `./${basename(archive)}`, '--version');
  assert.equal(said.stdout, `pulse ${version}\n`, String(said.stderr));
});

scenario('an_installed_one_serves_and_ends_by_the_signal_that_its_starter_gets', async (s) => {
  const { folder, run } = emptyProject(s);
  const installed = run('npm', 'install', '--no-audit', '--no-fund', `./${basename(archive)}`);
  assert.equal(installed.status, 0, String(installed.stderr));
  assert.equal(run('npx', 'pulse', '--version').stdout, `pulse ${version}\n`);
  assert.equal(run('npx', 'pulse', 'serv').status, 2, 'exit codes are those of the program');

  const postgres = await s.postgres();
  const database = `postgresql://postgres@127.0.0.1:${postgres.port}/postgres`;
  const doctor = run('npx', 'pulse', 'doctor', '--database', database, '--json');
  assert.equal(doctor.status, 0, `${String(doctor.stdout)}${String(doctor.stderr)}`);

  const serve = async (): Promise<Program> => {
    const [streams, admin] = await freePorts(2);
    const server = new Program(
      join(folder, 'node_modules/.bin/pulse'),
      [
        ...['serve', '--database', database, '--data-dir', join(folder, 'data')],
        ...['--listen', `127.0.0.1:${streams}`, '--admin-listen', `127.0.0.1:${admin}`],
      ],
      { logFile: join(folder, 'server.log'), env: { PULSE_API_KEY: 'a-key-for-tests-0123456789' } },
    );
    s.atEnd(() => server.endBy('SIGTERM', 20_000).catch(() => server.signal('SIGKILL')));
    await until(
      'capture',
      async () => (await fetch(`http://127.0.0.1:${admin}/capturez`).catch(() => undefined))?.ok === true,
    );
    return server;
  };
  const server = await serve();
  assert.deepEqual(await server.endBy('SIGTERM', 20_000), { code: 0, signal: null }, server.tail());
  assert.match(server.output, /stopped/);

  const killed = await serve();
  const program = readFileSync(`/proc/${killed.pid}/task/${killed.pid}/children`, 'utf8').trim();
  assert.match(readlinkSync(`/proc/${program}/exe`), /linux-x64\/bin\/pulse$/);
  await killed.endBy('SIGKILL', 20_000);
  await until('the program to end too', () => !existsSync(`/proc/${program}`));
});

scenario('the_published_client_gets_its_first_event_from_an_installed_one', async (s) => {
  const began = Date.now();
  const { folder, run } = emptyProject(s);
  run('npm', 'install', '--no-audit', '--no-fund', `./${basename(archive)}`);
  const { prisma, pulse } = await setUp(s, { binary: join(folder, 'node_modules/.bin/pulse') });
  const stream = await prisma.writer.stream({ name: 'first' });
  await prisma.writer.create({ data: { name: 'Toni' } });
  const [event] = await take(stream, 1);
  assert.equal(event?.action === 'create' && event.created.name, 'Toni');
  s.note(`${Date.now() - began} ms from the packed file to the event, with a PostgreSQL of its own`);
  // The program's end, which is later than that of what has started it when that is killed.
  await pulse.terminate(20_000);
});

scenario('other_platforms_are_told_what_there_is_for_them', async (s) => {
  const { folder, run } = emptyProject(s);
  run('npm', 'install', '--no-audit', '--no-fund', `./${basename(archive)}`);
  for (const [platform, arch, hint] of [
    ['darwin', 'arm64', 'container'],
    ['win32', 'x64', 'container'],
    ['linux', 'arm64', 'pulse-server-arm64'],
  ]) {
    const pretend = `for (const [name, value] of [['platform', '${platform}'], ['arch', '${arch}']])
      Object.defineProperty(process, name, { value })`;
    const said = run(
      process.execPath,
      `--import=data:text/javascript,${encodeURIComponent(pretend)}`,
      join(folder, 'node_modules/pulse-server/bin/pulse.js'),
      '--version',
    );
    assert.equal(said.status, 126);
    assert.match(String(said.stderr), new RegExp(`this is ${platform}-${arch}[^]*${hint}`));
  }
});
