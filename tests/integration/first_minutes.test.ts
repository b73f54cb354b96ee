// What somebody meets who has just begun: an `.env` of Prisma's, a port that is taken, a server whose address was not said.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

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
  assert.match(server.output, /the database is the one that DATABASE_URL names in \/.*\/\.env\n/);

  const keys = begin(s, pulse, '', ['keys', 'list', '--data-dir', pulse.dataFolder]);
  assert.equal((await keys.ended).code, 0, keys.output);
  const wrong = begin(s, pulse, '', ['streams', 'list', '--project', 'shop', '--data-dir', pulse.dataFolder]);
  assert.equal((await wrong.ended).code, 1);
  assert.match(wrong.output, /there is no project 'shop'; there are: default/);

  const doctor = begin(s, pulse, dotenv, ['doctor']);
  assert.equal((await doctor.ended).code, 0, doctor.output);
  assert.match(doctor.output, /DATABASE_URL names in/);
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
