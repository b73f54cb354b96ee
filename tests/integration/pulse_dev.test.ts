// `pulse dev`: a database, a server and its events from one command, and nothing left of it, however it ends.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { removeFolder } from '../harness/cleanup.js';
import { NativeConsumer } from '../harness/native.js';
import { postgresPrograms, pulseBinary } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { freePorts, Program } from '../harness/process.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { sleep, until } from '../harness/wait.js';

interface Ready {
  endpoint: string;
  apiKey: string | null;
  databaseUrl: string | null;
  dataDir: string;
  project: string;
}

// A project's folder, and what is left in its folder for temporary files and among the processes.
class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'pulse-project-'));
  // Throwaway databases are found by it, whatever else this machine runs.
  readonly temporary = mkdtempSync(join(tmpdir(), 'pulse-temporary-'));
  private runs = 0;

  constructor(private readonly s: Scenario) {
    // As the system's own: PostgreSQL may run as another user.
    chmodSync(this.temporary, 0o1777);
    for (const path of [this.folder, this.temporary]) s.atEnd(() => removeFolder(path));
  }

  write(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content);
  }

  // Through `shell`, when it is given, which gets the command as its arguments.
  async start(args: string[] = [], env: NodeJS.ProcessEnv = {}, shell?: string): Promise<Program> {
    const [port, adminPort] = await freePorts(2);
    const settings = Object.keys(process.env).filter(
      (name) => name === 'DATABASE_URL' || (name.startsWith('PULSE_') && !/_BIN$/.test(name)),
    );
    const wanted = ['dev', '--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${adminPort}`, ...args];
    const program = new Program(
      shell === undefined ? pulseBinary : 'sh',
      shell === undefined ? wanted : ['-c', shell, 'sh', pulseBinary, ...wanted],
      {
        logFile: join(this.folder, `output-${++this.runs}`),
        cwd: this.folder,
        env: {
          ...Object.fromEntries(settings.map((name) => [name, undefined])),
          PATH: `${postgresPrograms}:${process.env['PATH']}`,
          TMPDIR: this.temporary,
          ...env,
        },
        signalOnParentEnd: 'KILL',
      },
    );
    this.s.atEnd(() => program.signal('SIGKILL'));
    return program;
  }

  get folders(): string[] {
    return readdirSync(this.temporary);
  }

  // Programs of a run: by their command line, which everybody may read, or by the folder they run in, as PostgreSQL's
  // own processes, where that may be looked at.
  get processes(): string[] {
    const within = `${this.temporary}/`;
    const found: string[] = [];
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const command = unlessEnded(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
      const folder = unlessEnded(() => readlinkSync(`/proc/${pid}/cwd`), ['EACCES', 'EPERM']) ?? '';
      if (command.includes(within) || folder.startsWith(within)) found.push(`${pid} ${command} in ${folder}`);
    }
    return found;
  }

  // Every process of a run has its folder's lock, also one that nobody may look at.
  get used(): boolean {
    return this.folders.some(
      (name) => spawnSync('flock', ['--nonblock', join(this.temporary, name), 'true']).status !== 0,
    );
  }
}

// Nothing: the process has ended, or what is asked of it is none of ours.
function unlessEnded<T>(ask: () => T, hidden: string[] = []): T | undefined {
  try {
    return ask();
  } catch (reason) {
    if (['ENOENT', 'ESRCH', ...hidden].includes((reason as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw reason;
  }
}

const lines = (program: Program): Record<string, unknown>[] =>
  program.output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function ready(program: Program): Promise<Ready> {
  return until(
    'pulse dev to be ready',
    () => {
      if (!program.running) throw new Error(program.output);
      return lines(program).find((line) => 'ready' in line)?.['ready'] as Ready | undefined;
    },
    { timeoutMs: 60_000 },
  );
}

async function sql(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  // PostgreSQL ends with `pulse dev`.
  client.on('error', () => {});
  await client.connect();
  await client.query(text);
  await client.end();
}

const table = 'CREATE TABLE notes (id int PRIMARY KEY, body text)';

// What Pulse has in a database, by name.
async function made(postgres: Postgres): Promise<string[]> {
  const { rows } = await postgres.sql(`
    SELECT slot_name AS name FROM pg_replication_slots
    UNION ALL SELECT pubname FROM pg_publication
    UNION ALL SELECT evtname FROM pg_event_trigger
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pulse%'`);
  return (rows as { name: string }[]).map(({ name }) => name);
}

scenario('an_empty_folder_gets_a_throwaway_database_whose_events_are_shown', async (s) => {
  const project = new Project(s);
  const program = await project.start();
  const url = await until('the URL of the database', () => {
    if (!program.running) throw new Error(program.output);
    return /DATABASE_URL="([^"]+)"/.exec(program.output)?.[1];
  });
  assert.match(program.output, /serves streams on (ws:\/\/127\.0\.0\.1:\d+)\n/);
  assert.match(program.output, /PULSE_API_KEY="pulse_[^"]+"/);
  assert.match(program.output, /const endpoint = 'ws:\/\/127\.0\.0\.1:\d+'\n/);
  await sql(url, table);
  await sql(url, `INSERT INTO notes VALUES (1, E'first\\x1b[2J')`);
  await until('the event', () =>
    /create\s+public\.notes\s+\{"id":1,"body":"first\\u001[bB]\[2J"\}/.test(program.output),
  );
  // Everybody on this machine can connect to the port.
  await assert.rejects(sql(url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1'), /password/);

  // As npx does: the terminal's signal, and another one from the wrapper.
  program.signal('SIGINT');
  const { code } = await program.endBy('SIGINT', 30_000);
  assert.equal(code, 0, program.output);
  assert.deepEqual(project.folders, []);
  assert.deepEqual(project.processes, []);
});

scenario('the_database_of_a_project_is_left_as_it_was', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const project = new Project(s);
  project.write('.env', `DATABASE_URL="${postgres.url()}?schema=public"\nPULSE_API_KEY=a-key-of-my-own-0123456789\n`);
  const program = await project.start(['--json']);
  const facts = await ready(program);
  assert.deepEqual([facts.apiKey, facts.databaseUrl, facts.project], [null, null, 'dev_run']);
  const application = await NativeConsumer.open(
    s,
    { url: facts.endpoint, apiKey: 'a-key-of-my-own-0123456789' },
    { table: 'notes' },
  );
  assert.ok((await made(postgres)).includes('pulse_dev_run'));
  await postgres.sql(`INSERT INTO notes VALUES (1, 'a'); UPDATE notes SET body = 'b'`);
  const events = await until('two events', () => {
    const shown = lines(program).filter((line) => 'action' in line);
    return shown.length === 2 && shown;
  });
  assert.deepEqual(
    events.map(({ action, schema, table, after }) => ({ action, schema, table, after })),
    [
      { action: 'create', schema: 'public', table: 'notes', after: { id: 1, body: 'a' } },
      { action: 'update', schema: 'public', table: 'notes', after: { id: 1, body: 'b' } },
    ],
  );
  await until('the application to have both', () => application.texts.length === 2);

  const second = await project.start(['--json']);
  assert.equal((await second.ended).code, 1);
  assert.match(second.output, /another `pulse dev` captures this database/);

  // The terminal's end.
  assert.equal((await program.endBy('SIGHUP', 30_000)).code, 0, program.output);
  assert.deepEqual(await made(postgres), []);
  assert.deepEqual(project.folders, []);
});

scenario('settings_of_other_servers_and_an_ignored_hangup_change_nothing', async (s) => {
  const project = new Project(s);
  const others = { PGSSLMODE: 'require', PGHOSTADDR: '192.0.2.1', PGCHANNELBINDING: 'require', PGTZ: 'nowhere' };
  const program = await project.start(['--json'], others, 'trap "" HUP INT; exec "$@"');
  const { databaseUrl } = await ready(program);
  assert.match(databaseUrl ?? '', /\?sslmode=disable$/);
  program.signal('SIGHUP');
  program.signal('SIGINT');
  await sql(databaseUrl ?? '', table);
  await sql(databaseUrl ?? '', `INSERT INTO notes VALUES (1, 'a')`);
  await until('the event', () => lines(program).some((line) => line['table'] === 'notes'));
  assert.equal((await program.endBy('SIGTERM', 30_000)).code, 0, program.output);
  assert.deepEqual(project.folders, []);
});

scenario('a_missing_folder_is_said_with_what_to_do', async (s) => {
  const project = new Project(s);
  const nowhere = await project.start([], { TMPDIR: '/nonexistent' });
  assert.equal((await nowhere.ended).code, 1, nowhere.output);
  assert.match(nowhere.output, /set TMPDIR to a folder/);

  const gone = join(project.folder, 'gone');
  mkdirSync(gone);
  const removed = await project.start([], {}, `cd '${gone}' && rmdir '${gone}' && exec "$@"`);
  assert.equal((await removed.ended).code, 1, removed.output);
  assert.match(removed.output, /change to a folder that exists/);
  assert.deepEqual(project.folders, []);
});

scenario('the_slot_of_a_project_called_dev_is_left_alone', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`SELECT pg_create_logical_replication_slot('pulse_dev', 'pgoutput')`);
  const project = new Project(s);
  project.write('.env', `DATABASE_URL=${postgres.url()}`);
  const program = await project.start(['--json']);
  await ready(program);
  assert.equal((await program.endBy('SIGINT', 30_000)).code, 0, program.output);
  assert.deepEqual(await made(postgres), ['pulse_dev']);
});

scenario('killed_at_any_moment_it_leaves_no_process_and_starts_again', async (s) => {
  const project = new Project(s);
  for (let kill = 0; kill < 4; ++kill) {
    const program = await project.start(['--json']);
    // From before initdb to after the first event.
    if (kill === 3) await ready(program);
    else await Promise.race([sleep(s.random.between(0, 3000)), program.ended]);
    assert.ok(program.running, program.output);
    await program.endBy('SIGKILL', 10_000);
    await until('every process to end', () => project.processes.length === 0 && !project.used);
  }
  assert.notDeepEqual(project.folders, [], 'a killed run cannot remove its folder');
  const again = await project.start(['--json']);
  const { databaseUrl } = await ready(again);
  assert.equal(project.folders.length, 1, 'the folders of killed runs are removed');
  await sql(databaseUrl ?? '', table);
  await sql(databaseUrl ?? '', `INSERT INTO notes VALUES (1, 'a')`);
  await until('the event', () => lines(again).some((line) => line['table'] === 'notes'));
  assert.equal((await again.endBy('SIGTERM', 30_000)).code, 0, again.output);
  assert.deepEqual(project.folders, []);
});

scenario('the_slot_that_a_killed_run_has_left_is_found_again', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const project = new Project(s);
  project.write('.env', `DATABASE_URL=${postgres.url()}`);
  const killed = await project.start(['--json']);
  await ready(killed);
  await killed.endBy('SIGKILL', 10_000);
  assert.ok((await made(postgres)).includes('pulse_dev_run'));

  const again = await project.start(['--json']);
  await ready(again);
  await postgres.sql(`INSERT INTO notes VALUES (1, 'a')`);
  await until('the event', () => lines(again).some((line) => line['action'] === 'create'));
  assert.equal((await again.endBy('SIGINT', 30_000)).code, 0, again.output);
  assert.deepEqual(await made(postgres), []);
});

scenario('ends_in_order_while_it_starts', async (s) => {
  const project = new Project(s);
  const early = await project.start();
  await until('initdb to run', () => early.output.includes('starting a throwaway database'));
  assert.equal((await early.endBy('SIGINT', 30_000)).code, 0, early.output);
  assert.deepEqual(project.folders, []);
  assert.deepEqual(project.processes, []);
});

scenario('a_database_that_cannot_be_captured_is_refused_with_what_to_do', async (s) => {
  const project = new Project(s);
  project.write('.env', 'DATABASE_URL="prisma+postgres://localhost:51213/?api_key=c2VjcmV0"\n');
  const pglite = await project.start();
  assert.equal((await pglite.ended).code, 1);
  assert.match(pglite.output, /PGlite, which `prisma dev` starts: it has no logical replication/);
  assert.match(pglite.output, /pulse dev --throwaway/);
  assert.doesNotMatch(pglite.output, /c2VjcmV0/);

  const postgres = await s.postgres({ settings: { wal_level: 'replica' } });
  project.write('.env', `DATABASE_URL=${postgres.url()}`);
  const replica = await project.start();
  assert.equal((await replica.ended).code, 1);
  assert.match(replica.output, /wal_level is replica\n.*\n.*ALTER SYSTEM SET wal_level = 'logical'/);
  assert.deepEqual(await made(postgres), []);

  const [closed] = await freePorts(1);
  project.write('.env', `DATABASE_URL=postgresql://postgres@127.0.0.1:${closed}/postgres`);
  const unreachable = await project.start();
  assert.equal((await unreachable.ended).code, 1);
  assert.match(unreachable.output, /check that PostgreSQL runs/);
  assert.deepEqual(project.folders, []);
});
