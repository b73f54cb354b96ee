// The runbooks of docs/how-to/runbooks, run as printed: this types what they tell an operator to type.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeFolder } from './cleanup.js';
import { postgresPrograms, pulseBinary, root } from './paths.js';
import type { Pulse } from './pulse.js';
import type { Scenario } from './scenario.js';

export interface Block {
  language: 'sh' | 'sql';
  text: string;
}

// The blocks of commands of each runbook, by its title.
export function readRunbooks(): Map<string, Block[]> {
  const folder = join(root, 'docs/how-to/runbooks');
  const books = new Map<string, Block[]>();
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), 'utf8');
    const title = text.split('\n', 1)[0]?.replace('# ', '') ?? '';
    const blocks = [...text.matchAll(/^ *```(sh|sql)\n(.*?)^ *```$/gms)];
    books.set(
      title,
      blocks.map(([, language, content = '']) => ({ language: language as Block['language'], text: content })),
    );
  }
  return books;
}

type Action = () => Promise<unknown> | void;

// What a machine has that an operator sits at: `pulse`, `systemctl` for the units under test, and the environment that
// docs/how-to/runbooks/README.md asks for.
export class Operator {
  readonly backup: string;
  // What the operator has set in the shell besides.
  readonly variables: Record<string, string> = {};
  private readonly folder = mkdtempSync(join(tmpdir(), 'pulse-operator-'));
  private readonly actions = new Map<string, Action>();
  private port = 0;

  private constructor(
    private readonly pulse: Pulse,
    public databaseUrl: string,
  ) {
    this.backup = join(this.folder, 'backup');
  }

  static async of(s: Scenario, pulse: Pulse, databaseUrl: string): Promise<Operator> {
    const operator = new Operator(pulse, databaseUrl);
    // systemd runs elsewhere too: the command asks for it.
    const server = createServer((request, response) => {
      const wanted = decodeURIComponent((request.url ?? '').slice(1));
      const action = operator.actions.get(wanted);
      if (action === undefined) return void response.writeHead(404).end(`no unit for "systemctl ${wanted}"`);
      Promise.resolve(action()).then(
        () => response.end(),
        (reason: unknown) => response.writeHead(500).end(String(reason)),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    operator.port = (server.address() as AddressInfo).port;
    s.atEnd(() => {
      server.close();
      removeFolder(operator.folder);
    });
    operator.on('stop pulse', () => pulse.terminate());
    operator.on('start pulse', () => void pulse.launch());
    operator.on('reload pulse', () => pulse.process.signal('SIGHUP'));
    operator.install('pulse', `exec '${pulseBinary}' "$@"`);
    operator.install('systemctl', `exec curl --silent --show-error --fail "http://127.0.0.1:${operator.port}/$1%20$2"`);
    return operator;
  }

  // What `systemctl COMMAND` does.
  on(command: string, action: Action): void {
    this.actions.set(command, action);
  }

  private install(name: string, script: string): void {
    writeFileSync(join(this.folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  }

  // Types a block into a shell, or into psql; gives what is printed. Fails as soon as one command fails.
  async run({ language, text }: Block, databaseUrl = this.databaseUrl): Promise<string> {
    const psql = [
      'psql',
      '--no-psqlrc',
      '--quiet',
      '--tuples-only',
      '--no-align',
      '-v',
      'ON_ERROR_STOP=1',
      databaseUrl,
    ];
    const [program = '', ...args] = language === 'sql' ? psql : ['bash', '-euo', 'pipefail', '-s'];
    const child = spawn(program, args, {
      env: {
        HOME: this.folder,
        LANG: 'C.UTF-8',
        PATH: [this.folder, postgresPrograms, process.env.PATH].join(':'),
        PULSE_URL: this.pulse.adminUrl,
        PULSE_DATA_DIR: this.pulse.dataFolder,
        DATABASE_URL: databaseUrl,
        BACKUP: this.backup,
        ...this.variables,
      },
      timeout: 120_000,
    });
    let [printed, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
    child.stdin.end(text);
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    if (code !== 0) throw new Error(`exit code ${code} of\n${text}\n${printed}\n${errors}`);
    return printed;
  }
}
