// Connections that are cut, that stall without a word, and that change bytes on their way, between the database and Pulse
// and between Pulse and its consumers, both encrypted: all of it is noticed, connections are made anew, and nothing is lost.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

import { Authority } from '../harness/certificates.js';
import { Consumer } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import { scenario } from '../harness/scenario.js';
import { SteadyWriter } from '../harness/steady_writer.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int', text: 'String' });
const rounds = 4;

// The body; nothing unless the answer is 200.
function get(url: string, ca: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ca, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('end', () => resolve(response.statusCode === 200 ? body : undefined));
    });
    asked.once('error', reject);
    asked.end();
  });
}

scenario(
  'connections_that_are_cut_stalled_and_corrupted_on_both_sides_lose_nothing',
  async (s) => {
    const authority = new Authority();
    const tls = authority.issue('DNS:localhost', 'IP:127.0.0.1');
    const ca = readFileSync(authority.certificate, 'utf8');
    const postgres = await s.postgres({ tls });
    await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, text text)');
    const before = await s.proxy(postgres.port);
    await before.open();
    const verified = new URLSearchParams({ sslmode: 'verify-full', sslrootcert: authority.certificate });
    const pulse = await s.unstarted({
      database: `postgresql://postgres@localhost:${before.port}/postgres?${verified.toString()}`,
      env: { PULSE_TLS_CERT: tls.certificate, PULSE_TLS_KEY: tls.key, PULSE_SILENCE_TIMEOUT: '2s' },
    });
    pulse.launch();
    const admin = `https://127.0.0.1:${pulse.adminPort}`;
    const capturing = (): Promise<string | undefined> => get(`${admin}/capturez`, ca);
    const givenUp = async (): Promise<number> =>
      Number(/^pulse_clients_silent_total (\d+)/m.exec((await get(`${admin}/metrics`, ca)) ?? '')?.[1]);
    await until('the server to capture', capturing);
    const behind = await s.proxy(pulse.listenPort, 'bytes');
    await behind.open();

    const ids = new Map<number, string>();
    const order: number[] = [];
    const changed: number[] = [];
    const consumer = await Consumer.open({
      url: `wss://localhost:${behind.port}`,
      apiKey: pulse.apiKey,
      ca,
      model: row,
      name: 'reader',
      reconnect: true,
      keepFrames: false,
      onFrame: ({ id, created }) => {
        const number = created?.['id'] as number;
        if (!ids.has(number)) order.push(number);
        else if (ids.get(number) !== id) changed.push(number);
        ids.set(number, id);
      },
    });
    s.atEnd(() => consumer.terminate());

    const insert = 'INSERT INTO rows SELECT n, repeat(md5(n::text), 10) FROM generate_series($1::int, $2::int) n';
    const writer = new SteadyWriter(postgres, insert, { rows: 20, pauseMs: 10 });
    s.atEnd(() => writer.stop());

    const catchUp = async (): Promise<void> => {
      const wanted = writer.written;
      await until(`row ${wanted}`, () => ids.has(wanted), { timeoutMs: 60_000 });
    };
    for (let round = 1; round <= rounds; round++) {
      // One bit, somewhere in the stream's middle: in a record's content, its code, or its header.
      for (const [proxy, connections] of [
        [before, 2],
        [behind, 1],
      ] as const) {
        for (const harm of ['cutAfter', 'corruptAfter'] as const) {
          const { accepted } = proxy;
          proxy[harm](s.random.between(1, 60_000));
          await until(`new connections after ${harm}`, () => proxy.accepted >= accepted + connections, {
            timeoutMs: 60_000,
          });
          await until('the server to capture again', capturing, { timeoutMs: 60_000 });
          await catchUp();
        }
      }
      // Half-open: the server drops the consumer by itself, and the consumer does not know.
      const { connections } = consumer;
      const upToNow = await givenUp();
      behind.stall();
      await until('the server to give the consumer up', async () => (await givenUp()) > upToNow, { timeoutMs: 60_000 });
      behind.cut();
      behind.resume();
      await until('the consumer to be back', () => consumer.connections > connections && consumer.isOpen);
      await catchUp();
    }
    await writer.stop();
    await catchUp();
    assert.deepEqual(order, writer.numbers, 'once each at first, in commit order');
    assert.deepEqual(changed, []);
    s.note(
      `${writer.written} rows, ${before.accepted} connections to the database, ${consumer.connections} of the consumer`,
    );
  },
  { timeoutMs: 300_000 },
);
