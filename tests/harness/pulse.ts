// The server under test: the real binary, on ports and a data folder of its own.
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { atExit, removeFolder } from './cleanup.js';
import { Consumer, type ConsumerOptions } from './consumer.js';
import { pulseBinary } from './paths.js';
import { type Ended, freePorts, Program } from './process.js';
import { until } from './wait.js';

export interface PulseOptions {
  // The database of the only project; with several they stand in `config`.
  database?: string;
  // The content of a configuration file.
  config?: string;
  apiKey?: string;
  binary?: string;
  args?: string[];
  env?: Record<string, string>;
  // Leaves the server running, and its folder there, when this process ends.
  keep?: boolean;
}

export interface CaptureStatus {
  connected: boolean;
  progressing: boolean;
  state: string;
  problem: string;
}

export interface Gap {
  id: number;
  kind: string;
  reason: string;
  after: { timeline: number; lsn: string };
  through: { timeline: number; lsn: string } | null;
  vanished: { first: string; last: string; count: number } | null;
  acceptedAt: string | null;
  acceptedBy: string | null;
}

// Settings of the shell that runs the tests must not reach the server.
const neutral: Record<string, undefined> = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => name === 'DATABASE_URL' || (name.startsWith('PULSE_') && !/_BIN$|^PULSE_TEST_/.test(name)))
    .map((name) => [name, undefined]),
);

export class Pulse {
  readonly folder: string;
  readonly apiKey: string;
  readonly listenPort: number;
  readonly adminPort: number;
  private readonly options: PulseOptions;
  private readonly forget: () => void;
  private program: Program | undefined;

  private constructor(options: PulseOptions, ports: number[]) {
    this.options = options;
    this.folder = mkdtempSync(join(tmpdir(), 'pulse-server-'));
    this.forget = options.keep === true ? () => {} : atExit(() => removeFolder(this.folder));
    this.apiKey = options.apiKey ?? 'a-key-for-tests-0123456789';
    this.listenPort = ports[0] as number;
    this.adminPort = ports[1] as number;
    writeFileSync(this.keyFile, `${this.apiKey}\n`, { mode: 0o600 });
    if (options.config !== undefined) this.configure(options.config);
  }

  // A server that has been given what it needs and not been started.
  static async prepare(options: PulseOptions): Promise<Pulse> {
    const binary = options.binary ?? pulseBinary;
    if (!existsSync(binary)) throw new Error(`no server at ${binary}: run script/build, or set PULSE_BIN`);
    return new Pulse(options, await freePorts(2));
  }

  // A server that can serve streams and captures changes.
  static async start(options: PulseOptions): Promise<Pulse> {
    const pulse = await Pulse.prepare(options);
    await pulse.start();
    return pulse;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.listenPort}`;
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  get keyFile(): string {
    return join(this.folder, 'api-key');
  }

  // The configuration file from now on; a server that runs reads it again at SIGHUP.
  configure(config: string): void {
    writeFileSync(this.configFile, config, { mode: 0o600 });
  }

  private get configFile(): string {
    return join(this.folder, 'pulse.toml');
  }

  get dataFolder(): string {
    return join(this.folder, 'data');
  }

  get adminToken(): string {
    return readFileSync(join(this.dataFolder, 'admin-token'), 'utf8').trim();
  }

  get process(): Program {
    if (this.program === undefined) throw new Error('the server has not been started');
    return this.program;
  }

  get running(): boolean {
    return this.program?.running ?? false;
  }

  get logTail(): string {
    return this.program?.tail(60) ?? '';
  }

  // Starts the process and waits for nothing. `change` holds for this start only.
  launch(change: Partial<Pick<PulseOptions, 'database' | 'binary' | 'args' | 'env'>> = {}): Program {
    const database = change.database ?? this.options.database;
    const args = [
      'serve',
      ...(database === undefined ? [] : ['--database', database]),
      ...(this.options.config === undefined ? [] : ['--config', this.configFile]),
      ...['--listen', `127.0.0.1:${this.listenPort}`],
      ...['--admin-listen', `127.0.0.1:${this.adminPort}`],
      ...['--data-dir', this.dataFolder],
      // With several projects each has keys of its own.
      ...(this.options.config === undefined ? ['--api-key-file', this.keyFile] : []),
      ...(change.args ?? this.options.args ?? []),
    ];
    this.program = new Program(change.binary ?? this.options.binary ?? pulseBinary, args, {
      logFile: join(this.folder, 'log'),
      env: { ...neutral, ...this.options.env, ...change.env },
      signalOnParentEnd: this.options.keep === true ? undefined : 'KILL',
    });
    return this.program;
  }

  async start(change: Parameters<Pulse['launch']>[0] = {}): Promise<void> {
    this.launch(change);
    await this.ready();
    await this.capturing();
  }

  // A command of the same program, such as `pulse doctor`, to its end.
  async command(args: string[], env: Record<string, string> = {}): Promise<{ code: number | null; output: string }> {
    const logFile = join(mkdtempSync(join(this.folder, 'command-')), 'log');
    const program = new Program(this.options.binary ?? pulseBinary, args, {
      logFile,
      env: { ...neutral, ...this.options.env, ...env },
      signalOnParentEnd: 'KILL',
    });
    const timer = setTimeout(() => program.signal('SIGKILL'), 60_000);
    const { code } = await program.ended;
    clearTimeout(timer);
    return { code, output: program.output };
  }

  private async answers(url: string): Promise<boolean> {
    if (!this.process.running) {
      const { code, signal } = this.process.result ?? {};
      throw new EndedEarly(`the server ended (${signal ?? `exit code ${code}`}):\n${this.logTail}`);
    }
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  }

  async ready(timeoutMs = 30_000): Promise<void> {
    await this.untilAnswers(`http://127.0.0.1:${this.listenPort}/readyz`, timeoutMs);
  }

  async capturing(timeoutMs = 30_000): Promise<void> {
    await this.untilAnswers(`${this.adminUrl}/capturez`, timeoutMs);
  }

  private async untilAnswers(url: string, timeoutMs: number): Promise<void> {
    let early: EndedEarly | undefined;
    await until(
      `${url} to answer with success`,
      () =>
        this.answers(url).catch((reason: unknown) => {
          if (!(reason instanceof EndedEarly)) throw reason;
          early = reason;
          return true;
        }),
      { timeoutMs },
    );
    if (early !== undefined) throw early;
  }

  async kill(): Promise<Ended> {
    return this.process.endBy('SIGKILL', 10_000);
  }

  async terminate(timeoutMs = 15_000): Promise<Ended> {
    return this.process.endBy('SIGTERM', timeoutMs);
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.adminUrl}/metrics`)).text();
  }

  // The sum of a counter or gauge over its labels; those that `labels` names must match.
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    let sum = 0;
    for (const line of (await this.metrics()).split('\n')) {
      const match = /^([a-z_:0-9]+)(\{.*\})? (\S+)/i.exec(line);
      if (match === null || match[1] !== name) continue;
      if (Object.entries(labels).every(([label, value]) => match[2]?.includes(`${label}="${value}"`)))
        sum += Number(match[3]);
    }
    return sum;
  }

  async admin(
    path: string,
    init: { method?: string; body?: unknown } = {},
  ): Promise<{ status: number; body: unknown }> {
    const response = await fetch(new URL(path, this.adminUrl), {
      method: init.method ?? 'GET',
      headers: { authorization: `Bearer ${this.adminToken}`, 'content-type': 'application/json' },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }

  // What the admin API says about one project's capture.
  async capture(project = 'default'): Promise<CaptureStatus> {
    const { body } = await this.admin('/v1/projects');
    const found = (body as { projects: { name: string; capture: CaptureStatus }[] }).projects;
    const one = found.find(({ name }) => name === project);
    if (one === undefined) throw new Error(`no project ${project}: ${JSON.stringify(body)}`);
    return one.capture;
  }

  // The project's gaps, as `pulse gaps list --json` prints them.
  async gaps(): Promise<Gap[]> {
    const { code, output } = await this.command(['gaps', 'list', '--json'], this.adminAccess);
    if (code !== 0) throw new Error(`pulse gaps list: exit code ${code}: ${output}`);
    return (JSON.parse(output) as { gaps: Gap[] }).gaps;
  }

  async acceptGap(id: number): Promise<Gap> {
    const { code, output } = await this.command(['gaps', 'accept', String(id), '--json'], this.adminAccess);
    if (code !== 0) throw new Error(`pulse gaps accept ${id}: exit code ${code}: ${output}`);
    return JSON.parse(output) as Gap;
  }

  // For commands that talk to this server.
  get adminAccess(): Record<string, string> {
    return { PULSE_URL: this.adminUrl, PULSE_ADMIN_TOKEN: this.adminToken };
  }

  // A new API key of a project.
  async key(project: string): Promise<string> {
    const { status, body } = await this.admin(`/v1/projects/${project}/keys`, { method: 'POST' });
    if (status !== 201) throw new Error(`no key: ${status} ${JSON.stringify(body)}`);
    return (body as { key: string }).key;
  }

  consume(options: Omit<ConsumerOptions, 'url' | 'apiKey'> & { apiKey?: string }): Promise<Consumer> {
    return Consumer.open({ url: this.url, apiKey: this.apiKey, ...options });
  }

  async remove(): Promise<void> {
    if (this.running) await this.kill();
    removeFolder(this.folder);
    this.forget();
  }

  release(): void {
    this.program?.release();
  }
}

class EndedEarly extends Error {}
