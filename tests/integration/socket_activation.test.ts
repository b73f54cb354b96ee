// Sockets that listen before the server does, as systemd gives them, and successors that are refused.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';

import { Consumer } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { pulseBinary } from '../harness/paths.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const note = defineModel('Note', 'notes', { id: 'Int', text: 'String' });
const table = 'CREATE TABLE notes (id int PRIMARY KEY, text text)';

async function listen(): Promise<{ server: Server; port: number; descriptor: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  return { server, port: address.port, descriptor: fd };
}

scenario('sockets_of_systemd_are_used_and_who_connected_before_is_served', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  const streams = await listen();
  const admin = await listen();
  const logFile = join(pulse.folder, 'activated.log');
  const log = openSync(logFile, 'a');
  // The variable names the process that is meant, which is the one that the shell becomes.
  const child = spawn(
    'sh',
    [
      ...['-c', 'LISTEN_PID=$$ exec "$@"', 'sh', pulseBinary, 'serve'],
      ...['--database', postgres.socketUrl(), '--data-dir', pulse.dataFolder, '--api-key-file', pulse.keyFile],
      // Not what is used.
      ...['--listen', '127.0.0.1:1', '--admin-listen', '127.0.0.1:2'],
    ],
    {
      stdio: ['ignore', log, log, streams.descriptor, admin.descriptor],
      env: { ...process.env, LISTEN_FDS: '2', LISTEN_FDNAMES: 'streams:admin' },
    },
  );
  closeSync(log);
  s.atEnd(() => {
    child.kill('SIGKILL');
  });
  // The child has them; this process must not accept.
  streams.server.close();
  admin.server.close();
  // Connects while nobody accepts yet, most likely, and waits in the queue.
  const early = await fetch(`http://127.0.0.1:${streams.port}/healthz`);
  assert.ok(early.ok, readFileSync(logFile, 'utf8'));
  await until('capture', async () => (await fetch(`http://127.0.0.1:${admin.port}/capturez`)).ok);
  const consumer = await Consumer.open({ url: `ws://127.0.0.1:${streams.port}`, apiKey: pulse.apiKey, model: note });
  s.atEnd(() => consumer.terminate());
  await postgres.sql("INSERT INTO notes VALUES (1, 'one')");
  await consumer.untilReceived(1);
});

scenario('a_successor_that_could_not_start_changes_nothing', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const config = `database = "${postgres.socketUrl()}"\n`;
  const apiKey = 'a-key-for-tests-0123456789';
  const pulse = await s.pulse({ config, apiKey, env: { PULSE_API_KEY: apiKey } });
  const consumer = await s.consumer(pulse, { model: note, name: 'reader' });
  writeFileSync(join(pulse.folder, 'pulse.toml'), 'lissten = "127.0.0.1:7857"\n');
  pulse.process.signal('SIGUSR2');
  await until('the refusal', () => /hand-over cancelled/.test(pulse.process.output));
  assert.match(pulse.process.output, /lissten/, 'what is wrong is said');
  await postgres.sql("INSERT INTO notes VALUES (1, 'one')");
  await consumer.untilReceived(1);
  assert.equal(consumer.connections, 1);

  writeFileSync(join(pulse.folder, 'pulse.toml'), config);
  const before = pulse.process.output.length;
  pulse.process.signal('SIGUSR2');
  await until('the next process', () => /serving/.test(pulse.process.output.slice(before)));
  await pulse.ready();
});

scenario('settings_are_checked_without_a_server', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  const check = (args: string[]): ReturnType<typeof pulse.command> => pulse.command(['serve', '--check', ...args]);
  const good = await check(['--database', postgres.socketUrl(), '--data-dir', pulse.dataFolder]);
  assert.equal(good.code, 0, good.output);
  const bad = await check(['--database', 'postgresql://u@ep-x-pooler.eu-central-1.aws.neon.tech/app']);
  assert.equal(bad.code, 1, bad.output);
  assert.match(bad.output, /direct/);
  const worse = await check([
    '--tls-cert',
    '/nowhere.pem',
    '--tls-key',
    '/nowhere.key',
    '--database',
    'postgresql:///x',
  ]);
  assert.equal(worse.code, 1, worse.output);
  assert.match(worse.output, /nowhere/);
});
