// Where things are. Each has an environment variable for those who keep them elsewhere.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package-lock.json'))) {
    const above = dirname(folder);
    if (above === folder)
      throw new Error('no package-lock.json above this file: run from a checkout of the repository');
    folder = above;
  }
  return folder;
}

export const root = findRoot();

// The program that is shipped, and the same with crash points (see src/base/failpoint.hpp).
export const pulseBinary = process.env.PULSE_BIN ?? join(root, 'build/release/pulse');
export const pulseFailpointsBinary = process.env.PULSE_FAILPOINTS_BIN ?? join(root, 'build/release/pulse_failpoints');

export const postgresPrograms = process.env.PULSE_PG_BIN ?? '/usr/lib/postgresql/15/bin';
// "postgres (PostgreSQL) 15.14 (Debian …)" is 15.
export const postgresMajor = Number(
  /\) (\d+)/.exec(execFileSync(join(postgresPrograms, 'postgres'), ['--version'], { encoding: 'utf8' }))?.[1],
);

// A folder with all of these programs: what script/bootstrap, which looks at the same places, has unpacked, or installed
// ones.
function folderWith(programs: string[], unpacked: string, installed: string): string {
  const has = (folder: string): boolean => programs.every((name) => existsSync(join(folder, name)));
  return [unpacked, installed].find(has) ?? unpacked;
}
export const prometheusPrograms =
  process.env.PULSE_PROMETHEUS_BIN ??
  folderWith(['prometheus', 'promtool'], join(root, 'build/prometheus'), '/usr/bin');
export const proxyPrograms =
  process.env.PULSE_PROXIES_BIN ?? folderWith(['nginx', 'haproxy'], join(root, 'build/proxies'), '/usr/sbin');
