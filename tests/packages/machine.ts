// A bare Debian of its own, booted with its own systemd, that shares this machine's network.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeFolder } from '../harness/cleanup.js';
import { Program } from '../harness/process.js';
import type { Scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';
import { unpackBareDebian } from './bare_debian.js';

export interface Said {
  code: number | null;
  output: string;
}

export class Machine {
  private constructor(
    readonly folder: string,
    private readonly nspawn: Program,
  ) {}

  // As root only. `shared`: folders of this machine, by their paths there, where nothing can write to them.
  static async boot(s: Scenario, shared: Record<string, string> = {}): Promise<Machine> {
    const above = mkdtempSync(join(tmpdir(), 'pulse-machine-'));
    const folder = join(above, 'root');
    s.atEnd(() => removeFolder(above));
    unpackBareDebian(folder);
    const nspawn = new Program(
      'systemd-nspawn',
      // Not known to the systemd of this machine, which may have none.
      [
        ...['--quiet', '--register=no', '--keep-unit', `--machine=pulse-${process.pid}`, `--directory=${folder}`],
        ...Object.entries(shared).map(([there, here]) => `--bind-ro=${here}:${there}`),
        '--boot',
      ],
      { logFile: join(above, 'console.log'), signalOnParentEnd: 'KILL' },
    );
    const machine = new Machine(folder, nspawn);
    // At this signal systemd is asked to halt.
    s.atEnd(() => nspawn.endBy('SIGTERM', 20_000).catch(() => nspawn.signal('SIGKILL')));
    await until(
      'the machine to have booted',
      async () => {
        if (!nspawn.running) throw new Error(`systemd-nspawn has ended:\n${nspawn.tail()}`);
        return (await machine.try('systemctl is-system-running')).output.match(/running|degraded/) !== null;
      },
      { timeoutMs: 60_000 },
    );
    return machine;
  }

  // Runs a line of shell there. This process goes on meanwhile: it may be a client of what is there.
  async try(line: string, env: Record<string, string> = {}): Promise<Said> {
    const pid = this.nspawn.pid;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    if (children === '') return { code: null, output: 'not started yet' };
    const variables = Object.entries({ DEBIAN_FRONTEND: 'noninteractive', ...env }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const child = spawn(
      'nsenter',
      [
        ...[`--target=${children.split(' ')[0]}`, '--mount', '--uts', '--ipc', '--pid', '--cgroup', '--root', '--wd'],
        ...['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8', ...variables],
        ...['sh', '-c', line],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output };
  }

  // The same; throws when the line fails.
  async run(line: string, env: Record<string, string> = {}): Promise<string> {
    const { code, output } = await this.try(line, env);
    if (code !== 0) throw new Error(`there, with exit code ${code}: ${line}\n${output}`);
    return output;
  }

  // A path of there, as this machine knows it.
  path(there: string): string {
    return join(this.folder, there);
  }
}
