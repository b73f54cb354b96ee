// The files of a Debian with nothing but apt and systemd.
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../harness/paths.js';
import { run } from './files.js';

const keptMs = 24 * 3600 * 1000;

// Made once a day: what apt fetches is the same for every test. With apt's lists, so that packages can be installed
// there; old lists name packages that there are no more.
function bareDebian(): string {
  const archive = join(root, 'build/bare-debian.tar');
  if (existsSync(archive) && Date.now() - statSync(archive).mtimeMs < keptMs) return archive;
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = '/etc/apt/sources.list.d';
  const sources = ['/etc/apt/sources.list', ...readdirSync(folder).map((name) => join(folder, name))].filter(
    (file) => existsSync(file) && /\.(list|sources)$/.test(file),
  );
  try {
    run(
      'mmdebstrap',
      ...['--quiet', '--variant=apt', '--skip=cleanup/apt/lists', '--include=systemd,systemd-sysv,dbus'],
      ...['--format=tar', 'bookworm', `${archive}.tmp`, ...sources],
    );
  } catch (reason) {
    // Without a network, as it may be: better an old one than none.
    if (!existsSync(archive)) throw reason;
    const made = statSync(archive).mtime.toISOString();
    console.warn(`note: the bare Debian of ${made} is used, since no new one could be made: ${String(reason)}`);
    return archive;
  }
  renameSync(`${archive}.tmp`, archive);
  return archive;
}

// As root only.
export function unpackBareDebian(folder: string): void {
  mkdirSync(folder);
  run('tar', '--extract', '--preserve-permissions', '--numeric-owner', '--file', bareDebian(), '--directory', folder);
}
