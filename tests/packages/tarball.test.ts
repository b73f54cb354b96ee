// The tarball on a bare Debian that has none of the program's libraries, in a folder that cannot be written to.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeFolder } from '../harness/cleanup.js';
import { unpackBareDebian } from './bare_debian.js';
import { takesOneEvent } from './closed_root.js';
import { packed, rootScenario, run } from './files.js';

const nobody = 65534;

rootScenario(
  'the_tarball_serves_as_an_ordinary_user_from_a_read_only_folder',
  async (s) => {
    const above = mkdtempSync(join(tmpdir(), 'pulse-tarball-'));
    s.atEnd(() => removeFolder(above));
    const folder = join(above, 'root');
    unpackBareDebian(folder);
    mkdirSync(join(folder, 'opt/pulse'));
    mkdirSync(join(folder, 'srv/data'));
    const tarball = packed(/-linux-x64\.tar\.gz$/);
    run('tar', '--extract', '--file', tarball, '--strip-components=1', '--directory', join(folder, 'opt/pulse'));

    const lines = run('chroot', folder, 'ldd', '/opt/pulse/bin/pulse').trim().split('\n');
    const elsewhere = lines.filter((line) => !line.includes('/opt/pulse/')).map((line) => line.trim().split(/[ .]/)[0]);
    assert.deepEqual(elsewhere.sort(), ['/lib64/ld-linux-x86-64', 'libc', 'libm', 'libresolv', 'linux-vdso']);
    const licences = readdirSync(join(folder, 'opt/pulse/licences'));
    for (const name of ['libpq5', 'libssl3', 'libicu72', 'common-licenses']) assert.ok(licences.includes(name), name);
    assert.ok(existsSync(join(folder, 'opt/pulse/LICENSE')));

    await takesOneEvent(s, { folder, user: nobody, writable: '/srv/data' }, ['/opt/pulse/bin/pulse', 'serve']);
  },
  { timeoutMs: 240_000 },
);
