// A program that a test has started: its output, its end, its memory.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

import { atExit } from './cleanup.js';
import { within } from './wait.js';

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProgramOptions {
  // Output and error output are added to this file: a program that outlives this process can go on writing.
  logFile: string;
  // On top of this process's own; undefined takes one away.
  env?: Record<string, string | undefined>;
  cwd?: string;
  // Drops to this user; possible for root only.
  user?: { uid: number; gid: number };
  // What the kernel sends to the program when this process ends without having ended it. None: it lives on.
  signalOnParentEnd?: 'KILL' | 'QUIT' | undefined;
}

export class Program {
  readonly name: string;
  readonly ended: Promise<Ended>;
  private readonly child: ChildProcess;
  private readonly logFile: string;
  private end: Ended | undefined;

  constructor(command: string, args: readonly string[], options: ProgramOptions) {
    this.name = command.split('/').at(-1) ?? command;
    this.logFile = options.logFile;
    const wrapped: string[] = [];
    if (options.signalOnParentEnd !== undefined) wrapped.push('--pdeathsig', options.signalOnParentEnd);
    if (options.user !== undefined) {
      wrapped.push('--reuid', String(options.user.uid), '--regid', String(options.user.gid), '--clear-groups');
    }
    const log = openSync(options.logFile, 'a', 0o600);
    this.child = spawn('setpriv', [...wrapped, '--', command, ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', log, log],
      // Ctrl-C reaches the whole foreground group: programs end in the order that cleanup gives, not all at once.
      detached: true,
    });
    closeSync(log);
    const forget = options.signalOnParentEnd === undefined ? () => {} : atExit(() => this.signal('SIGKILL'));
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('exit', (code, signal) => {
        forget();
        resolve((this.end = { code, signal }));
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get running(): boolean {
    return this.end === undefined;
  }

  // How it ended, when it has.
  get result(): Ended | undefined {
    return this.end;
  }

  get output(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  tail(lines = 40): string {
    return this.output.trimEnd().split('\n').slice(-lines).join('\n');
  }

  // Delivered before this returns; a program that has ended is left alone.
  signal(name: NodeJS.Signals): void {
    if (this.end === undefined && this.child.pid !== undefined) this.child.kill(name);
  }

  async endBy(name: NodeJS.Signals, timeoutMs: number): Promise<Ended> {
    this.signal(name);
    return within(`${this.name} (pid ${this.pid}) to end after ${name}`, timeoutMs, this.ended);
  }

  // Lets this process end while the program goes on.
  release(): void {
    this.child.unref();
  }

  // VmRSS and VmHWM of /proc/<pid>/status.
  memory(): { rssMib: number; peakMib: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const mib = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) / 1024;
    return { rssMib: mib('VmRSS'), peakMib: mib('VmHWM') };
  }

  // Seconds of processor time so far, of its user and system parts together.
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }
}

// Below those that the kernel gives to connections, which would take one before its server has it.
const listeningPorts = [15_000, 32_000] as const;

// Ports of 127.0.0.1 that were free a moment ago, all different.
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  while (servers.length < count) {
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(randomInt(...listeningPorts), '127.0.0.1', () => resolve(true));
    });
    if (free) servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
