// Protocol 2 on a real server: docs/wire_protocol.md, "Ask for more".
import assert from 'node:assert/strict';

import { WebSocket } from 'ws';

import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

type Message = { pulse: string; requestId?: string; waiting?: { kind: string } } & {
  id?: string;
  after?: { n: number };
};

// Keeps what comes, and acknowledges nothing by itself.
class Client {
  readonly messages: Message[] = [];

  private constructor(private readonly socket: WebSocket) {}

  static async open(s: Scenario, pulse: Pulse, stream: Record<string, unknown>): Promise<Client> {
    const socket = new WebSocket(new URL('/stream', pulse.url), {
      headers: {
        authorization: `Bearer ${pulse.apiKey}`,
        subscription: JSON.stringify({ table: 'numbers' }),
        stream: JSON.stringify(stream),
        'pulse-protocol': '2',
      },
    });
    s.atEnd(() => socket.terminate());
    const client = new Client(socket);
    socket.on('message', (data) => client.messages.push(JSON.parse((data as Buffer).toString()) as Message));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return client;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  close(): void {
    this.socket.close();
  }

  get numbers(): number[] {
    return this.messages.flatMap(({ after }) => (after === undefined ? [] : [after.n]));
  }

  get ids(): string[] {
    return this.messages.flatMap(({ id }) => (id === undefined ? [] : [id]));
  }

  async untilTold(what: string): Promise<void> {
    await until(what, () => this.messages.some(({ pulse }) => pulse === what));
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

scenario('a_job_reads_from_the_beginning_until_the_end_in_windows', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE numbers (n int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await postgres.sql('INSERT INTO numbers SELECT generate_series(1, 50)');
  await until('the rows', async () => (await pulse.metric('pulse_events_captured_total')) === 50);

  const job = await Client.open(s, pulse, { name: 'job', from: 'beginning', until: 'end', window: 20 });
  assert.equal(job.messages[0]?.pulse ?? 'open', 'open');
  await until('a full window', () => job.numbers.length === 20);
  assert.ok(!job.messages.some(({ pulse: said }) => said === 'caught_up'));
  job.say({ type: 'ack', through: job.ids.at(-1) });
  await until('the next window', () => job.numbers.length === 40);
  job.say({ type: 'ack', ids: job.ids.slice(20) });
  await job.untilTold('caught_up');
  assert.deepEqual(job.numbers, upTo(50), 'everything is sent before it is told');

  const next = await Client.open(s, pulse, { name: 'job' });
  await next.untilTold('open');
  assert.equal(next.messages[0]?.waiting?.kind, 'websocket');
  job.close();
  await until('what was not acknowledged', () => next.numbers.length === 10);
  assert.deepEqual(next.numbers, upTo(50).slice(40));
});

// With synchronous_commit = off a commit returns before PostgreSQL has flushed it.
scenario('the_end_is_behind_whatever_had_committed_before', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE numbers (n int PRIMARY KEY)');
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const writer = await postgres.connect();
  s.atEnd(() => writer.end());
  await writer.query('SET synchronous_commit = off');
  for (let last = 1; last <= 20; last++) {
    await writer.query('INSERT INTO numbers VALUES ($1)', [last]);
    const job = await Client.open(s, pulse, { name: `job${last}`, from: 'beginning', until: 'end' });
    await job.untilTold('caught_up');
    assert.deepEqual(job.numbers, upTo(last));
    job.close();
  }
});
