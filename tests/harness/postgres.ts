// A throwaway PostgreSQL cluster of one's own: in a temporary folder, on a random loopback port and a Unix socket,
// durable like a real one, and gone afterwards. Never touches a cluster that exists already.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import type { Certificate } from './certificates.js';
import { atExit, removeFolder } from './cleanup.js';
import { postgresMajor, postgresPrograms } from './paths.js';
import { freePorts, Program } from './process.js';
import { until } from './wait.js';

export interface PostgresOptions {
  // Lines for postgresql.conf, on top of those below.
  settings?: Record<string, string>;
  // Lets clients speak TLS, with this certificate.
  tls?: Certificate;
  // A system identifier of its own: the others of one process share theirs.
  ownIdentity?: boolean;
  // Locales that it has besides the system's, which may have none: "ja_JP" becomes "ja_JP.UTF-8".
  locales?: string[];
  // Leaves the cluster running, and its folder there, when this process ends.
  keep?: boolean;
}

// PostgreSQL refuses to run as root, so then it runs as this user.
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === 'nobody') return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('running as root, and there is no user "nobody" to run PostgreSQL as');
}

// initdb takes longer than all the rest: it is run once in a process and copied from then on.
let template: string | undefined;

function initialize(user: { uid: number; gid: number } | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'pulse-initdb-'));
  atExit(() => removeFolder(folder));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const args = [
    '-D',
    join(folder, 'data'),
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
  ];
  execFileSync(join(postgresPrograms, 'initdb'), args, { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  return join(folder, 'data');
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

// One that has ended and that nobody has asked about has the state Z.
function lives(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export class Postgres {
  readonly folder: string;
  readonly port: number;
  private readonly user: { uid: number; gid: number } | undefined;
  private readonly keep: boolean;
  private readonly forget: () => void;
  private program: Program | undefined;

  private constructor(folder: string, port: number, user: { uid: number; gid: number } | undefined, keep: boolean) {
    this.folder = folder;
    this.port = port;
    this.user = user;
    this.keep = keep;
    this.forget = keep ? () => {} : atExit(() => removeFolder(folder));
  }

  static async start(options: PostgresOptions = {}): Promise<Postgres> {
    if (!existsSync(join(postgresPrograms, 'postgres'))) {
      throw new Error(`no PostgreSQL in ${postgresPrograms}: run script/bootstrap, or set PULSE_PG_BIN`);
    }
    const user = serverUser();
    const folder = mkdtempSync(join(tmpdir(), 'pulse-postgres-'));
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    const [port] = await freePorts(1);
    const postgres = new Postgres(folder, port as number, user, options.keep ?? false);
    postgres.makeLocales(options.locales ?? []);
    const source = options.ownIdentity === true ? initialize(user) : (template ??= initialize(user));
    // The copy is made by the user who will own it.
    execFileSync('cp', ['-a', source, postgres.dataFolder], { ...user, cwd: folder });
    const settings: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: folder,
      wal_level: 'logical',
      fsync: 'on',
      max_connections: '100',
      max_wal_senders: '20',
      max_replication_slots: '20',
      shared_buffers: '64MB',
      max_wal_size: '4GB',
      ...(options.tls === undefined ? {} : postgres.installTls(options.tls)),
      ...options.settings,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
    appendFileSync(join(postgres.dataFolder, 'postgresql.conf'), lines.join(''));
    await postgres.start();
    return postgres;
  }

  // A streaming standby of a cluster, which is stopped for the copy; without the primary's slots, as any copy is.
  // promote() makes it a primary.
  static async standbyOf(primary: Postgres, settings: Record<string, string> = {}): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'pulse-standby-'));
    if (primary.user !== undefined) chownSync(folder, primary.user.uid, primary.user.gid);
    const [port] = await freePorts(1);
    const standby = new Postgres(folder, port as number, primary.user, false);
    await primary.stop();
    const copy = `cp -a "$0" "$1" && rm -rf "$1"/pg_replslot/* && touch "$1/standby.signal"`;
    execFileSync('sh', ['-c', copy, primary.dataFolder, standby.dataFolder], { ...primary.user, cwd: folder });
    const own = {
      port: String(port),
      unix_socket_directories: folder,
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres dbname=postgres`,
      ...settings,
    };
    const lines = Object.entries(own).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
    appendFileSync(join(standby.dataFolder, 'postgresql.conf'), lines.join(''));
    await primary.start();
    await standby.start();
    await standby.caughtUpWith(primary);
    return standby;
  }

  // As a standby: everything that the primary has flushed by now is here.
  async caughtUpWith(primary: Postgres): Promise<void> {
    const { rows } = await primary.sql('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    const { lsn } = rows[0] as { lsn: string };
    await until(`the standby to replay ${lsn}`, async () => {
      const found = await this.sql(`SELECT pg_last_wal_replay_lsn() >= '${lsn}' AS there`);
      return (found.rows[0] as { there: boolean }).there;
    });
  }

  // As a standby: takes nothing more from its primary.
  async disconnect(): Promise<void> {
    await this.sql("ALTER SYSTEM SET primary_conninfo = ''");
    // Read at a reload from 13 on.
    if (postgresMajor >= 13) {
      await this.sql('SELECT pg_reload_conf()');
    } else {
      await this.stop();
      await this.start();
    }
    await until('the standby to be on its own', async () => {
      const { rows } = await this.sql('SELECT count(*)::int AS n FROM pg_stat_wal_receiver');
      return (rows[0] as { n: number }).n === 0;
    });
  }

  // As extensions do that keep a standby's slots in step with its primary's. Both are stopped.
  copySlot(from: Postgres, slot: string): void {
    const folder = 'pg_replslot';
    execFileSync('cp', ['-a', join(from.dataFolder, folder, slot), join(this.dataFolder, folder)], {
      ...this.user,
      cwd: this.folder,
    });
  }

  async promote(): Promise<void> {
    await this.sql('SELECT pg_promote()');
  }

  private makeLocales(names: string[]): void {
    for (const name of names) {
      mkdirSync(this.localeFolder, { recursive: true });
      execFileSync('localedef', ['-i', name, '-f', 'UTF-8', join(this.localeFolder, `${name}.UTF-8`)]);
    }
  }

  private get localeFolder(): string {
    return join(this.folder, 'locales');
  }

  // The server wants a key that is its user's and nobody else's.
  private installTls({ certificate, key }: Certificate): Record<string, string> {
    for (const [from, name] of [
      [certificate, 'server.crt'],
      [key, 'server.key'],
    ] as const) {
      const to = join(this.dataFolder, name);
      copyFileSync(from, to);
      chmodSync(to, 0o600);
      if (this.user !== undefined) chownSync(to, this.user.uid, this.user.gid);
    }
    return { ssl: 'on' };
  }

  get dataFolder(): string {
    return join(this.folder, 'data');
  }

  get pid(): number {
    return this.program?.pid ?? -1;
  }

  get logTail(): string {
    return this.program?.tail(15) ?? '';
  }

  url(database = 'postgres', user = 'postgres'): string {
    return `postgresql://${user}@127.0.0.1:${this.port}/${database}`;
  }

  socketUrl(database = 'postgres', user = 'postgres'): string {
    return `postgresql://${user}@/${database}?host=${encodeURIComponent(this.folder)}&port=${this.port}`;
  }

  // A connection that the caller ends.
  async connect(database = 'postgres', user = 'postgres'): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url(database, user) });
    // A server that goes away shows in the query that fails; without a listener it would end the process.
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  // One statement or script on a connection of its own.
  async sql(text: string, database = 'postgres'): Promise<pg.QueryResult> {
    const client = await this.connect(database);
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  async createDatabase(name: string, encoding?: string): Promise<void> {
    const own = encoding === undefined ? '' : `TEMPLATE template0 ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C'`;
    await this.sql(`CREATE DATABASE ${pg.escapeIdentifier(name)} ${own}`);
  }

  // Starts a cluster that was stopped, on the same port.
  async start(): Promise<void> {
    this.program = new Program(join(postgresPrograms, 'postgres'), ['-D', this.dataFolder], {
      logFile: join(this.folder, 'log'),
      cwd: this.folder,
      ...(existsSync(this.localeFolder) ? { env: { LOCPATH: this.localeFolder } } : {}),
      ...(this.user === undefined ? {} : { user: this.user }),
      signalOnParentEnd: this.keep ? undefined : 'QUIT',
    });
    const program = this.program;
    await until(
      'PostgreSQL to accept connections',
      async () => {
        if (!program.running) throw new Error(`PostgreSQL ended at start-up:\n${program.tail()}`);
        await this.sql('SELECT 1');
        return true;
      },
      { timeoutMs: 60_000, everyMs: 50 },
    );
  }

  // "fast" rolls back what is open and writes a checkpoint; "immediate" leaves all to crash recovery.
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.program?.endBy(mode === 'fast' ? 'SIGINT' : 'SIGQUIT', 60_000);
  }

  // As the kernel does when memory runs out: SIGKILL, with nothing told to its own processes. These notice by
  // themselves; when this returns all are gone and the server can be started.
  async kill(): Promise<void> {
    const processes = childrenOf(this.pid);
    await this.program?.endBy('SIGKILL', 10_000);
    await until('all processes of PostgreSQL to end', () => !processes.some(lives), { timeoutMs: 60_000, everyMs: 5 });
  }

  // The end: nothing is left.
  async remove(): Promise<void> {
    if (this.program?.running) await this.stop('immediate');
    removeFolder(this.folder);
    this.forget();
  }

  release(): void {
    this.program?.release();
  }
}

// A position in the WAL, as PostgreSQL writes it.
export function parseLsn(text: string): bigint {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}
