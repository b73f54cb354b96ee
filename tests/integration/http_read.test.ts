// Events read page by page over HTTP, by a client that keeps the place: each kind of place, waits, forms, gaps,
// retention, and the commands of docs/how-to/read_by_http.md as printed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { dropSlot, untilCaptured } from '../harness/gaps.js';
import type { NativeEvent } from '../harness/native.js';
import { root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Gap, Pulse } from '../harness/pulse.js';
import { Operator } from '../harness/runbook.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const tables = `
  CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL);
  CREATE TABLE payments (id int PRIMARY KEY, note text NOT NULL)`;

interface Page {
  events: NativeEvent[];
  next: string;
  caughtUp: boolean;
  end: { lsn: string; source: string };
}

interface Problem {
  message: string;
  details: { next?: string; gap?: Gap; oldest?: string | null };
}

interface Shop {
  postgres: Postgres;
  pulse: Pulse;
}

async function openShop(s: Scenario, env: Record<string, string> = {}): Promise<Shop> {
  const postgres = await s.postgres();
  await postgres.sql(tables);
  return { postgres, pulse: await s.pulse({ database: postgres.url(), env }) };
}

type Query = Record<string, string | string[]>;

function request(pulse: Pulse, query: Query, init: RequestInit = {}): Promise<Response> {
  const url = new URL('/v1/events', `http://127.0.0.1:${pulse.listenPort}`);
  for (const [name, value] of Object.entries({ table: 'public.orders', ...query }))
    for (const one of [value].flat()) url.searchParams.append(name, one);
  return fetch(url, { ...init, headers: { authorization: `Bearer ${pulse.apiKey}`, ...init.headers } });
}

async function read(pulse: Pulse, query: Query): Promise<Page> {
  const response = await request(pulse, query);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as Page;
}

async function refused(pulse: Pulse, status: number, query: Query): Promise<Problem> {
  const response = await request(pulse, query);
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as Problem;
}

const ids = (page: Page): unknown[] => page.events.map(({ after }) => after?.id);

scenario('a_page_begins_at_each_kind_of_place', async (s) => {
  const { postgres, pulse } = await openShop(s);
  for (const id of [1, 2, 3]) {
    await postgres.sql(`INSERT INTO orders VALUES (${id}, 'open')`);
    await postgres.sql(`INSERT INTO payments VALUES (${id}, 'paid')`);
  }
  await untilCaptured({ pulse }, 6);
  const page = await until('all events to be readable', async () => {
    const all = await read(pulse, { after: 'beginning' });
    return all.events.length === 3 && all;
  });
  assert.deepEqual(ids(page), [1, 2, 3]);
  const [first, second] = page.events as [NativeEvent, NativeEvent];
  assert.deepEqual(ids(await read(pulse, { after: first.id })), [2, 3]);
  assert.deepEqual(ids(await read(pulse, { after: second.commit_lsn })), [2, 3]);
  assert.deepEqual(ids(await read(pulse, { after: second.committed_at })), [2, 3]);
  const some = await read(pulse, { after: 'beginning', limit: '1' });
  assert.deepEqual([ids(some), some.caughtUp], [[1], false]);
  assert.deepEqual(ids(await read(pulse, { after: some.next })), [2, 3]);
  const both = await read(pulse, { table: ['orders', 'public.payments'], after: 'beginning' });
  assert.deepEqual(
    both.events.map(({ table, after }) => `${table} ${after?.id}`),
    ['orders 1', 'payments 1', 'orders 2', 'payments 2', 'orders 3', 'payments 3'],
  );
  const now = await read(pulse, { after: 'now' });
  assert.deepEqual(now.events, []);
  await postgres.sql(`INSERT INTO orders VALUES (4, 'open')`);
  assert.deepEqual(ids(await read(pulse, { after: now.next, wait: '50s' })), [4]);

  const query = await fetch(`http://127.0.0.1:${pulse.listenPort}/v1/events/query`, {
    method: 'POST',
    headers: { authorization: `Bearer ${pulse.apiKey}` },
    body: JSON.stringify({
      tables: [{ table: 'orders', where: { create: { id: 2 } } }, 'payments'],
      where: { delete: {} },
      after: 'beginning',
    }),
  });
  assert.deepEqual(ids((await query.json()) as Page), [2]);
});

scenario('a_page_until_the_end_has_everything_that_was_committed_before', async (s) => {
  const { postgres, pulse } = await openShop(s);
  for (let round = 1; round <= 10; ++round) {
    await postgres.sql(`INSERT INTO orders SELECT ${round} * 100 + n, 'open' FROM generate_series(1, 30) n`);
    let [after, seen] = ['beginning', 0];
    for (;;) {
      const page = await read(pulse, { after, until: 'end', wait: '50s', limit: '100' });
      seen += page.events.length;
      after = page.next;
      assert.equal(page.end.source, 'database');
      if (page.caughtUp) break;
    }
    assert.equal(seen, round * 30);
  }
});

scenario('a_waiting_request_ends_with_the_first_insert', async (s) => {
  const { postgres, pulse } = await openShop(s);
  const waiting = read(pulse, { after: 'now', wait: '50s' });
  await until('the request to wait', async () => (await pulse.metric('pulse_page_readers_waiting')) === 1);
  await postgres.sql(`INSERT INTO payments VALUES (1, 'of another table')`);
  await postgres.sql(`INSERT INTO orders VALUES (1, 'open')`);
  assert.deepEqual(ids(await waiting), [1]);
  const empty = await read(pulse, { after: 'now', wait: '0.1' });
  assert.deepEqual([empty.events, empty.caughtUp], [[], true]);
});

scenario('a_page_has_the_form_that_the_client_accepts', async (s) => {
  const { postgres, pulse } = await openShop(s);
  await postgres.sql(`INSERT INTO orders VALUES (1, 'open'), (2, 'a line\nand one more')`);
  const { events, next } = await read(pulse, { after: 'beginning', until: 'end', wait: '50s' });
  assert.equal(events.length, 2);
  const form = async (accept: string): Promise<Response> =>
    request(pulse, { after: 'beginning' }, { headers: { accept } });

  const lines = (await (await form('application/x-ndjson')).text()).trimEnd().split('\n');
  assert.deepEqual(
    lines.slice(0, 2).map((line) => JSON.parse(line) as unknown),
    events,
  );
  assert.equal((JSON.parse(lines[2] ?? '') as { pulse: Page }).pulse.caughtUp, true);

  const stream = await (await form('text/event-stream')).text();
  const messages = stream.trimEnd().split('\n\n');
  assert.equal(messages.length, 3);
  assert.deepEqual(JSON.parse(messages[0]?.split('\ndata: ')[1] ?? '') as unknown, events[0]);
  assert.match(messages[2] ?? '', /^event: pulse\nid: p1\./);
  const again = await request(pulse, { after: 'beginning' }, { headers: { 'last-event-id': events[0]?.id ?? '' } });
  assert.deepEqual(ids((await again.json()) as Page), [2]);

  const batch = await form('application/cloudevents-batch+json');
  const [one] = (await batch.json()) as Record<string, unknown>[];
  assert.deepEqual(
    [one?.specversion, one?.id, one?.type, one?.subject, one?.data],
    ['1.0', events[0]?.id, 'pulse.create', 'public.orders', events[0]],
  );
  assert.match(batch.headers.get('pulse-next') ?? '', /^p1\./);
  assert.equal((await form('text/html')).status, 406);
  assert.deepEqual((await read(pulse, { after: next })).events, []);
});

scenario('wrong_requests_say_what_is_wrong', async (s) => {
  const { pulse } = await openShop(s);
  assert.match((await refused(pulse, 404, { table: 'order', after: 'now' })).details.next ?? '', /orders/);
  const twice = await refused(pulse, 400, { table: ['orders', 'public.orders'], after: 'now' });
  assert.match(twice.message, /tables\[0\] and tables\[1\] are the same table/);
  assert.match((await refused(pulse, 400, { after: 'p1.AAAA' })).message, /damaged/);
  assert.match((await refused(pulse, 400, { after: 'now', wait: '1h' })).message, /longer than 55 s/);
  const noKey = await fetch(`http://127.0.0.1:${pulse.listenPort}/v1/events?table=orders&after=now`);
  assert.equal(noKey.status, 401);
});

scenario('a_gap_is_a_refusal_until_the_reader_accepts_it', async (s) => {
  const { postgres, pulse } = await openShop(s);
  await postgres.sql(`INSERT INTO orders VALUES (1, 'before')`);
  const before = await read(pulse, { after: 'beginning', until: 'end', wait: '50s' });
  assert.deepEqual(ids(before), [1]);
  await pulse.terminate();
  await dropSlot({ postgres });
  await postgres.sql(`INSERT INTO orders VALUES (2, 'lost')`);
  await pulse.start();
  await until('the gap to have both its bounds', async () => (await pulse.gaps())[0]?.through != null);
  await postgres.sql(`INSERT INTO orders VALUES (3, 'after')`);
  await untilCaptured({ pulse }, 1);
  const { details } = await refused(pulse, 409, { after: before.next });
  assert.match(details.next ?? '', new RegExp(`acceptGap=${details.gap?.id}`));
  assert.deepEqual(ids(await read(pulse, { after: 'beginning' })), [1], 'up to the gap');
  const behind = await read(pulse, { after: before.next, acceptGap: String(details.gap?.id), wait: '50s' });
  assert.deepEqual(ids(behind), [3]);
  assert.equal((await pulse.gaps())[0]?.acceptedAt, null, 'it is open for everybody else');
  assert.deepEqual((await read(pulse, { after: behind.next })).events, []);
});

scenario('what_retention_took_is_gone', async (s) => {
  const { postgres, pulse } = await openShop(s, { PULSE_SEGMENT_BYTES: '256kB', PULSE_RETENTION_BYTES: '600kB' });
  await postgres.sql(`INSERT INTO orders VALUES (0, 'first')`);
  const first = await read(pulse, { after: 'beginning', until: 'end', wait: '50s' });
  await postgres.sql(`INSERT INTO orders
    SELECT n, (SELECT string_agg(md5(n::text || '/' || piece::text), '') FROM generate_series(1, 50) piece)
    FROM generate_series(1, 3000) n`);
  await untilCaptured({ pulse }, 3001);
  // Retention looks around when the settings are read again.
  pulse.process.signal('SIGHUP');
  await until('retention to drop segments', () => /segment dropped by retention/.test(pulse.process.output));
  for (const after of [first.next, first.events[0]?.id ?? '']) {
    const { details } = await refused(pulse, 410, { after });
    const page = await read(pulse, { after: 'beginning', limit: '1' });
    assert.equal(page.events[0]?.id, details.oldest);
  }
});

scenario('clients_that_vanish_while_they_wait_are_forgotten', async (s) => {
  const { pulse } = await openShop(s);
  const leave = new AbortController();
  const waiting = Array.from({ length: 200 }, () =>
    request(pulse, { after: 'now', wait: '55s' }, { signal: leave.signal }).then(
      () => 'answered',
      () => 'left',
    ),
  );
  await until('all to wait', async () => (await pulse.metric('pulse_page_readers_waiting')) === 200);
  leave.abort();
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['left']));
  await until('all to be forgotten', async () => (await pulse.metric('pulse_page_readers_waiting')) === 0);
});

scenario('the_commands_of_the_guide_work_as_printed', async (s) => {
  const { postgres, pulse } = await openShop(s);
  await postgres.sql(`INSERT INTO orders VALUES (1, 'open'), (2, 'paid'); INSERT INTO payments VALUES (1, 'paid')`);
  await read(pulse, { after: 'beginning', until: 'end', wait: '50s' });
  const guide = readFileSync(join(root, 'docs/how-to/read_by_http.md'), 'utf8');
  const blocks = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const operator = await Operator.of(s, pulse, postgres.url());
  operator.variables.PULSE = `http://127.0.0.1:${pulse.listenPort}`;
  operator.variables.KEY = pulse.apiKey;
  const [settings = '', ...commands] = blocks;
  assert.match(settings, /export KEY=/);
  const expected = [
    /^\{"events":\[\{"action":"create".*"caughtUp":(true|false)/,
    /^[0-9A-Z]{26}\n[0-9A-Z]{26}\n$/,
    /^1\n2\n$/,
    /"table":"orders".*"status":"open".*"table":"payments"/,
    /\n\{"pulse":\{"next":/,
  ];
  assert.equal(commands.length, expected.length);
  for (const [i, text] of commands.entries())
    assert.match(await operator.run({ language: 'sh', text }), expected[i] as RegExp, text);
});
