// Event streams on real servers: an unmodified EventSource behind nginx and haproxy whose connections are cut, a server
// that is killed, two clients on one name, reading to the end; and the commands of the guide, run as printed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { EventSource } from 'eventsource';

import { NativeConsumer, type NativeEvent } from '../harness/native.js';
import { root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Proxy } from '../harness/proxy.js';
import type { Pulse } from '../harness/pulse.js';
import { ReverseProxy, type ReverseProxyKind } from '../harness/reverse_proxy.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const guide = readFileSync(join(root, 'docs/how-to/stream_events_over_http.md'), 'utf8');

interface Parts {
  postgres: Postgres;
  pulse: Pulse;
}

async function parts(s: Scenario): Promise<Parts> {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE orders (id int PRIMARY KEY)');
  return { postgres, pulse: await s.pulse({ database: postgres.socketUrl() }) };
}

async function insert(postgres: Postgres, from: number, to: number): Promise<void> {
  await postgres.sql(`INSERT INTO orders SELECT generate_series(${from}, ${to})`);
}

const authorization = (pulse: Pulse): Record<string, string> => ({ authorization: `Bearer ${pulse.apiKey}` });
const target = (name: string, more = ''): string => `/v1/streams/${name}/events?table=public.orders${more}`;

// The npm package as its documentation says; what it does with a stream is its own.
class Source {
  readonly rows: number[] = [];
  readonly ids: string[] = [];
  readonly messages: Record<string, unknown>[] = [];
  readonly source: EventSource;
  opened = 0;

  constructor(s: Scenario, pulse: Pulse, port: number, path: string) {
    this.source = new EventSource(`http://127.0.0.1:${port}${path}`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...authorization(pulse) } }),
    });
    s.atEnd(() => this.source.close());
    this.source.onopen = () => this.opened++;
    this.source.onmessage = ({ data, lastEventId }) => {
      const event = JSON.parse(data as string) as NativeEvent;
      assert.equal(event.id, lastEventId);
      this.ids.push(event.id);
      this.rows.push(event.after?.id as number);
    };
    this.source.addEventListener('pulse', ({ data }) => {
      this.messages.push(JSON.parse(data as string) as Record<string, unknown>);
    });
  }

  has(message: string): boolean {
    return this.messages.some((one) => message in one);
  }

  get closed(): boolean {
    return this.source.readyState === this.source.CLOSED;
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const firstOf = (rows: number[]): number[] => [...new Set(rows)];

function assertRising(ids: string[]): void {
  for (let i = 1; i < ids.length; i++) {
    assert.ok((ids[i - 1] as string) < (ids[i] as string), `${ids[i - 1]} before ${ids[i]}`);
  }
}

interface Line {
  client: Proxy;
  server: Proxy;
  source: Source;
}

// EventSource, a connection to cut, the proxy under test, another connection to cut, Pulse.
async function behind(s: Scenario, kind: ReverseProxyKind, pulse: Pulse, path: string): Promise<Line> {
  const server = await s.proxy(pulse.listenPort, 'bytes');
  await server.open();
  const reverse = await ReverseProxy.start(s, kind, server.port);
  const client = await s.proxy(reverse.port, 'bytes');
  await client.open();
  return { client, server, source: new Source(s, pulse, client.port, path) };
}

for (const kind of ['nginx', 'haproxy'] as const) {
  scenario(`an_event_source_behind_${kind}_misses_nothing_when_connections_are_cut`, async (s) => {
    const { postgres, pulse } = await parts(s);
    const { client, server, source } = await behind(s, kind, pulse, target('cut', '&window=300'));
    await until('the stream to be open', () => source.has('opened'));
    const count = 3000;
    const cuts = 12;
    let written = 0;
    for (let cut = 0; cut < cuts; cut++) {
      const answers = source.opened;
      const side = s.random.chance(0.5) ? client : server;
      const inTheMiddle = s.random.chance(0.5);
      // Before there is something to cut: afterwards it may all have passed.
      if (inTheMiddle) side.cutAfter(s.random.between(1, 30_000));
      await insert(postgres, written + 1, written + count / cuts);
      written += count / cuts;
      if (!inTheMiddle) side.cut();
      await until('the next answer', () => source.opened > answers);
    }
    await until(`${count} rows`, () => firstOf(source.rows).length === count, { timeoutMs: 60_000 });
    s.note(`${source.opened} answers for ${source.rows.length} events`);
    // Pulse knows what it has sent, so nothing that was acknowledged comes again.
    assertRising(source.ids);
    assert.deepEqual(source.rows, upTo(count));
    assert.ok(!source.closed);
  });
}

scenario('an_event_source_behind_nginx_misses_nothing_when_pulse_is_killed', async (s) => {
  const { postgres, pulse } = await parts(s);
  const { source } = await behind(s, 'nginx', pulse, target('killed', '&window=100'));
  await until('the stream to be open', () => source.has('opened'));
  let written = 0;
  for (let kill = 0; kill < 3; kill++) {
    await insert(postgres, written + 1, written + 250);
    written += 250;
    const wanted = firstOf(source.rows).length + s.random.between(1, 200);
    await until('some of it', () => firstOf(source.rows).length >= Math.min(wanted, written));
    await pulse.kill();
    await pulse.start();
  }
  await until(`${written} rows`, () => firstOf(source.rows).length === written, { timeoutMs: 60_000 });
  // After a kill the last ones may come again, each with the id that it had.
  assert.deepEqual(firstOf(source.rows), upTo(written));
  assert.equal(new Set(source.ids).size, written);
  assert.ok(!source.closed);
});

scenario('until_end_an_event_source_receives_everything_and_stops', async (s) => {
  const { postgres, pulse } = await parts(s);
  const path = target('nightly', '&until=end&window=200');
  // The name begins here.
  const first = new Source(s, pulse, pulse.listenPort, path);
  await until('the first job to end', () => first.closed);
  assert.deepEqual(first.rows, []);
  assert.ok(first.has('caughtUp'));
  await insert(postgres, 1, 1000);
  const second = new Source(s, pulse, pulse.listenPort, path);
  await until('the second job to end', () => second.closed, { timeoutMs: 60_000 });
  assert.deepEqual(second.rows, upTo(1000));
  // 204 said that this is durable.
  await pulse.kill();
  await pulse.start();
  await insert(postgres, 1001, 1001);
  const third = new Source(s, pulse, pulse.listenPort, path);
  await until('the third job to end', () => third.closed);
  assert.deepEqual(third.rows, [1001]);
});

scenario('one_name_has_one_client_whatever_it_is', async (s) => {
  const { postgres, pulse } = await parts(s);
  const websocket = await NativeConsumer.open(s, pulse, { table: 'orders', name: 'shared' });
  const first = new Source(s, pulse, pulse.listenPort, target('shared'));
  await until('the first event stream to wait', () => first.has('waiting'));
  const [waiting] = first.messages.filter((one) => 'waiting' in one);
  assert.equal((waiting?.waiting as { holder: string }).holder, 'websocket');
  const second = new Source(s, pulse, pulse.listenPort, target('shared'));
  await until('the second event stream to wait', () => second.has('waiting'));
  await insert(postgres, 1, 10);
  await websocket.untilReceived(10);
  const { body } = await pulse.admin('/v1/projects/default/streams');
  const listed = (body as { streams: { kind: string; standby: boolean; since: string }[] }).streams;
  assert.deepEqual(listed.map(({ kind, standby }) => `${kind} ${standby}`).sort(), [
    'event_stream true',
    'event_stream true',
    'websocket false',
  ]);
  assert.ok(listed.every(({ since }) => Math.abs(Date.parse(since) - Date.now()) < 600_000));
  await websocket.close();
  await insert(postgres, 11, 20);
  await until('the first to be served', () => first.rows.includes(20));
  assert.deepEqual(second.rows, []);
  first.source.close();
  await insert(postgres, 21, 30);
  // What the first has not acknowledged comes again.
  await until('the second to be served', () => second.rows.includes(30));
  assert.deepEqual(second.rows.slice(-10), upTo(30).slice(20));
});

// The guide's blocks of commands, with this server's address.
function commands(pulse: Pulse): string[] {
  return [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) =>
    text.replaceAll('127.0.0.1:7857', `127.0.0.1:${pulse.listenPort}`),
  );
}

class Shell {
  output = '';
  readonly ended: Promise<number | null>;
  private readonly child;

  constructor(s: Scenario, command: string, env: Record<string, string>) {
    this.child = spawn('bash', ['-c', `exec ${command}`], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.child.stdout.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    s.atEnd(() => void this.child.kill());
  }
}

scenario('the_commands_of_the_guide_work_as_printed', async (s) => {
  const { postgres, pulse } = await parts(s);
  const [watch, drain, confirm, ...more] = commands(pulse) as [string, string, string];
  assert.deepEqual(more, []);
  const env = { PULSE_API_KEY: pulse.apiKey };
  const watching = new Shell(s, watch, env);
  await until('the stream to be open', () => watching.output.includes('"opened"'));
  assert.match(
    watching.output,
    /^retry: 1000\n\nevent: pulse\ndata: \{"opened":\{"table":"public\.orders","name":"mail"/,
  );
  // The name begins here.
  assert.equal(await new Shell(s, drain, env).ended, 0);
  await insert(postgres, 1, 3);
  await until('the events', () => watching.output.includes('"after":{"id":3}'));
  assert.match(watching.output, /\n\nid: [0-9A-Z]{26}\ndata: \{"action":"create",.*\}\n\n$/);

  const draining = new Shell(s, drain, env);
  assert.equal(await draining.ended, 0);
  const lines = draining.output.trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as { after?: { id: number }; pulse?: Record<string, string> });
  assert.deepEqual(
    parsed.flatMap(({ after }) => (after === undefined ? [] : [after.id])),
    [1, 2, 3],
  );
  const last = parsed.at(-1)?.pulse;
  assert.equal(last?.caughtUp as unknown, true);
  const confirming = new Shell(s, confirm, { ...env, LAST_EVENT_ID: last?.lastEventId as string });
  assert.equal(await confirming.ended, 0);
  assert.equal(confirming.output, '204\n');
  // Nothing is left.
  const again = new Shell(s, drain, env);
  assert.equal(await again.ended, 0);
  assert.equal(again.output.trimEnd().split('\n').length, 2, again.output);
});

scenario('an_event_stream_ends_at_a_gap_and_a_new_one_is_refused_with_it', async (s) => {
  const { postgres, pulse } = await parts(s);
  const source = new Source(s, pulse, pulse.listenPort, target('gap'));
  await until('the stream to be open', () => source.has('opened'));
  await insert(postgres, 1, 5);
  await until('the events', () => source.rows.length === 5);
  await pulse.terminate();
  await until('the slot to be free', async () => {
    await postgres.sql("SELECT pg_drop_replication_slot('pulse_default')");
    return true;
  });
  await insert(postgres, 6, 6);
  await pulse.start();
  await until('the gap', () => source.closed, { timeoutMs: 60_000 });
  const refused = await fetch(`http://127.0.0.1:${pulse.listenPort}${target('gap')}`, {
    headers: authorization(pulse),
  });
  assert.equal(refused.status, 409);
  const { details } = (await refused.json()) as { details: { gap: { id: number } } };
  assert.equal(details.gap.id, 1);
});
