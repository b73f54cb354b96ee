// What `script/package arm64` has made: everything in it is for arm64, and runs by what it carries.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { atExit, removeFolder } from '../harness/cleanup.js';
import { root } from '../harness/paths.js';
import { run } from '../packages/files.js';

const folder = join(root, 'build/packages-arm64');
const sysroot = join(root, 'build/sysroot-arm64');

function packed(name: RegExp): string {
  const found = readdirSync(folder).filter((one) => name.test(one));
  assert.equal(found.length, 1, `${String(name)} in ${folder}: ${found.join(', ')}`);
  return join(folder, found[0] as string);
}

const bill = JSON.parse(readFileSync(packed(/-arm64\.cdx\.json$/), 'utf8')) as {
  metadata: { component: { version: string } };
  components: { name: string; purl: string; properties: { name: string; value: string }[] }[];
};
const says = `pulse ${bill.metadata.component.version}\n`;

function emptyFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'pulse-arm64-'));
  atExit(() => removeFolder(made));
  return made;
}

function unpacked(archive: string, ...options: string[]): string {
  const to = emptyFolder();
  run('tar', '--extract', '--file', archive, '--directory', to, ...options);
  return to;
}

// Under qemu, with what lies in `libraries` as its machine's.
function runEmulated(libraries: string, program: string, ...args: string[]): string {
  return run('qemu-aarch64-static', '-L', libraries, program, ...args);
}

// A machine with nothing but the C library.
function bareMachine(): string {
  const made = emptyFolder();
  const libraries = 'lib/aarch64-linux-gnu';
  mkdirSync(join(made, libraries), { recursive: true });
  symlinkSync(join(sysroot, 'lib/ld-linux-aarch64.so.1'), join(made, 'lib/ld-linux-aarch64.so.1'));
  for (const name of ['libc.so.6', 'libm.so.6', 'libresolv.so.2'])
    symlinkSync(join(sysroot, libraries, name), join(made, libraries, name));
  return made;
}

function assertAllForArm64(programs: string[]): void {
  assert.ok(programs.length > 0);
  for (const file of programs) assert.match(run('readelf', '--file-header', file), /Machine: +AArch64/, file);
}

test('the_debian_package_is_for_arm64_and_depends_on_the_libraries_of_arm64', () => {
  const file = packed(/^pulse_.*_arm64\.deb$/);
  assert.equal(run('dpkg-deb', '--field', file, 'Architecture'), 'arm64\n');
  const depends = run('dpkg-deb', '--field', file, 'Depends');
  for (const name of ['libc6', 'libpq5', 'libssl3', 'libicu72', 'libstdc++6'])
    assert.match(depends, new RegExp(`(^|, )${name.replaceAll('+', '\\+')} \\(>= `), depends);
  const to = emptyFolder();
  run('dpkg-deb', '--extract', file, to);
  assertAllForArm64([join(to, 'usr/bin/pulse')]);
  assert.equal(runEmulated(sysroot, join(to, 'usr/bin/pulse'), '--version'), says);
  const symbols = packed(/^pulse-dbgsym_.*_arm64\.deb$/);
  const id = /Build ID: (\w+)/.exec(run('readelf', '--notes', join(to, 'usr/bin/pulse')))?.[1] ?? '';
  assert.ok(run('dpkg-deb', '--contents', symbols).includes(`/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`));
});

test('the_debian_package_is_as_debian_wants_it', () => {
  run('lintian', '--allow-root', '--fail-on=error,warning', packed(/^pulse_.*_arm64\.deb$/));
});

test('the_tarball_runs_with_its_own_libraries_where_there_is_only_the_c_library', () => {
  const to = unpacked(packed(/-linux-arm64\.tar\.gz$/), '--strip-components=1');
  const libraries = readdirSync(join(to, 'lib')).map((name) => join(to, 'lib', name));
  assert.ok(libraries.length > 20, `${libraries.length}`);
  assertAllForArm64([join(to, 'bin/pulse'), ...libraries]);
  assert.equal(runEmulated(bareMachine(), join(to, 'bin/pulse'), '--version'), says);
});

test('the_image_is_for_arm64_and_runs_with_what_is_in_it', () => {
  const layout = unpacked(packed(/-oci-arm64\.tar$/));
  const json = (file: string): unknown => JSON.parse(readFileSync(join(layout, file), 'utf8'));
  const blob = ({ digest }: { digest: string }): string => `blobs/${digest.replace(':', '/')}`;
  const index = json('index.json') as { manifests: [{ digest: string; platform: object }] };
  assert.deepEqual(index.manifests[0].platform, { architecture: 'arm64', os: 'linux' });
  const manifest = json(blob(index.manifests[0])) as { config: { digest: string }; layers: { digest: string }[] };
  const { architecture, os } = json(blob(manifest.config)) as Record<string, unknown>;
  assert.deepEqual({ architecture, os }, { architecture: 'arm64', os: 'linux' });

  const image = emptyFolder();
  for (const layer of manifest.layers)
    run('tar', '--extract', '--gzip', '--file', join(layout, blob(layer)), '--directory', image);
  const libraries = readdirSync(join(image, 'usr/lib/aarch64-linux-gnu'));
  assertAllForArm64([
    ...libraries.map((name) => join(image, 'usr/lib/aarch64-linux-gnu', name)),
    join(image, 'usr/lib/ld-linux-aarch64.so.1'),
  ]);
  assert.equal(runEmulated(image, join(image, 'usr/bin/pulse'), '--version'), says);
});

test('the_npm_package_carries_the_program_for_arm64_and_says_so_elsewhere', () => {
  const to = unpacked(packed(/^pulse-server-arm64-.*\.tgz$/));
  const { name } = JSON.parse(readFileSync(join(to, 'package/package.json'), 'utf8')) as { name: string };
  assert.equal(name, 'pulse-server-arm64');
  assert.deepEqual(readdirSync(join(to, 'package')).sort(), [
    ...['LICENSE', 'README.md', 'bin', 'linux-arm64', 'package.json'],
  ]);
  assertAllForArm64([join(to, 'package/linux-arm64/bin/pulse')]);
  const pretend = `for (const [name, value] of [['platform', 'linux'], ['arch', 'x64']])
    Object.defineProperty(process, name, { value })`;
  const said = spawnSync(
    process.execPath,
    [`--import=data:text/javascript,${encodeURIComponent(pretend)}`, join(to, 'package/bin/pulse.js'), '--version'],
    { encoding: 'utf8' },
  );
  assert.equal(said.status, 126, said.stderr);
  assert.match(said.stderr, /linux-arm64 only, and this is linux-x64[^]*package pulse-server has one[^]*linux\/arm64/);
});

test('the_bill_of_materials_names_the_libraries_of_arm64', () => {
  const used = (use: string): typeof bill.components =>
    bill.components.filter(({ properties }) => properties.some(({ value }) => value === use));
  const linked = used('linked');
  assert.ok(linked.length > 20, `${linked.length}`);
  for (const { name, purl } of linked) assert.match(purl, /[?&]arch=arm64(&|$)/, name);
  const names = used('compiled-in').map(({ name }) => name);
  for (const name of ['libboost1.81-dev', 'libcli11-dev', 'libstdc++-12-dev-arm64-cross'])
    assert.ok(names.includes(name), `${name} in ${names.join(', ')}`);
});
