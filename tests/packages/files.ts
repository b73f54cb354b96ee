// What script/package has made, and what the packages are compared with.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { test } from 'node:test';

import { pulseBinary, root } from '../harness/paths.js';
import { scenario } from '../harness/scenario.js';

const folder = join(root, 'build/packages');

// A root within a container may be denied what it takes.
function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'for root only';
  const quietly = ['--quiet', '--register=no', '--keep-unit', '--directory=/', '--volatile=yes'];
  const { status, stderr } = spawnSync('systemd-nspawn', [...quietly, 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `this machine lets root make no containers: ${stderr.trim()}`;
}
const skip = whyNot();

// What mounts, changes roots or boots.
export const rootScenario: typeof scenario = (name, body, options) => {
  if (skip === undefined) scenario(name, body, options);
  else void test(name, { skip }, () => {});
};

// The only file of the packages whose name matches.
export function packed(name: RegExp): string {
  const found = existsSync(folder) ? readdirSync(folder).filter((one) => name.test(one)) : [];
  if (found.length !== 1)
    throw new Error(`${found.length} files match ${String(name)} in ${folder}: run script/package`);
  return join(folder, found[0] as string);
}

export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export interface Command {
  readonly words: readonly string[];
  readonly subcommands: readonly string[];
  readonly options: readonly string[];
}

// All commands that the program says it has, itself first.
export function commandsOf(words: readonly string[] = []): Command[] {
  const help = run(pulseBinary, ...words, '--help');
  const listed = /\nSubcommands:\n((?: {2}.*\n)+)/.exec(help)?.[1] ?? '';
  const subcommands = [...listed.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map((match) => match[1] as string);
  const options = [...help.matchAll(/^ {2}(?:-\w,)?(--[a-z-]+)/gm)].map((match) => match[1] as string);
  return [{ words, subcommands, options }, ...subcommands.flatMap((word) => commandsOf([...words, word]))];
}
