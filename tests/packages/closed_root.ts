// A program in a root of its own that it cannot write to, as an ordinary user. It shares this machine's network.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeFolder } from '../harness/cleanup.js';
import { Consumer } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { freePorts, Program } from '../harness/process.js';
import type { Scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

export interface ClosedRoot {
  folder: string;
  user: number;
  // Where there is room to write, as the program knows it; a folder that is there.
  writable: string;
  // Whose it is at first: the user's, and closed to others.
  volume?: { owner: number; group: number; mode: number };
}

// Begins with the program's path in the root.
export function runClosed(
  s: Scenario,
  { folder, user, writable, volume = { owner: user, group: user, mode: 0o700 } }: ClosedRoot,
  command: readonly string[],
  env: Record<string, string> = {},
): Program {
  const above = mkdtempSync(join(tmpdir(), 'pulse-closed-'));
  s.atEnd(() => removeFolder(above));
  const data = join(above, 'data');
  mkdirSync(data);
  chownSync(data, volume.owner, volume.group);
  chmodSync(data, volume.mode);
  const script = [
    'set -e; root=$1; data=$2; writable=$3; user=$4; shift 4',
    'mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"; mount --bind "$data" "$root$writable"',
    // As every container has it; the loader finds a program's own libraries by it.
    'mount -t proc proc "$root/proc"',
    // The process that the test ends is the program itself.
    'exec chroot --userspec="$user:$user" --groups= "$root" "$@"',
  ].join('\n');
  const program = new Program(
    'env',
    [
      ...[
        '-i',
        ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
        'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      ],
      ...['unshare', '--mount', 'sh', '-c', script, 'sh', folder, data, writable, String(user), ...command],
    ],
    { logFile: join(above, 'program.log'), signalOnParentEnd: 'KILL' },
  );
  s.atEnd(() => program.endBy('SIGTERM', 20_000).catch(() => program.signal('SIGKILL')));
  return program;
}

// Starts a server there, on a database of its own, and takes one event from it.
export async function takesOneEvent(
  s: Scenario,
  root: ClosedRoot,
  serve: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  const [streams = 0, admin = 0] = await freePorts(2);
  const apiKey = 'a-key-for-tests-0123456789';
  const server = runClosed(s, root, serve, {
    PULSE_DATA_DIR: root.writable,
    ...env,
    PULSE_DATABASE_URL: `postgresql://postgres@127.0.0.1:${postgres.port}/postgres`,
    PULSE_LISTEN: `127.0.0.1:${streams}`,
    PULSE_ADMIN_LISTEN: `127.0.0.1:${admin}`,
    PULSE_API_KEY: apiKey,
  });
  await until('capture', async () => {
    if (!server.running) throw new Error(`it has ended:\n${server.tail()}`);
    return (await fetch(`http://127.0.0.1:${admin}/capturez`).catch(() => undefined))?.ok === true;
  });
  for (const page of ['healthz', 'readyz']) assert.ok((await fetch(`http://127.0.0.1:${streams}/${page}`)).ok, page);
  const model = defineModel('Note', 'notes', { id: 'Int', text: 'String' });
  const consumer = await Consumer.open({ url: `ws://127.0.0.1:${streams}`, apiKey, model, name: 'reader' });
  await postgres.sql("INSERT INTO notes VALUES (1, 'Grüße')");
  await consumer.untilReceived(1);
  assert.deepEqual(consumer.frames[0]?.created, { id: 1, text: 'Grüße' });
  await consumer.terminate();
  assert.deepEqual(await server.endBy('SIGTERM', 20_000), { code: 0, signal: null }, server.tail());
}
