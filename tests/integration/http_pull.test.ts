// Pulls over HTTP with real servers: kills, hand-overs, holders that compete, a full disk. What an answer has confirmed
// is durable, and nothing is lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { defineModel } from '../harness/model.js';
import { root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { idsOf, type PulledEvent, post, pull, tryPull } from '../harness/puller.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { SmallDisk } from '../harness/small_disk.js';
import { sleep, until } from '../harness/wait.js';

const table = 'public.orders';
const order = defineModel('Order', 'orders', { id: 'Int' });

async function prepare(s: Scenario): Promise<{ postgres: Postgres; pulse: Pulse }> {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE orders (id int PRIMARY KEY, note text)');
  return { postgres, pulse: await s.pulse({ database: postgres.socketUrl() }) };
}

const insert = (postgres: Postgres, from: number, to: number): Promise<unknown> =>
  postgres.sql(`INSERT INTO orders SELECT n, 'note ' || n FROM generate_series(${from}, ${to}) n`);

scenario('a_pull_acknowledges_the_batch_before_it_and_waits_for_the_next', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const first = await pull(pulse, 'mail', { table });
  assert.deepEqual([first.events, first.caughtUp], [[], true]);
  const waiting = pull(pulse, 'mail', { table, token: first.token, wait: '20s', max: 2 });
  await insert(postgres, 1, 1);
  assert.deepEqual(idsOf((await waiting).events), [1]);
  await insert(postgres, 2, 3);
  await until('the events to be stored', async () => (await pulse.metric('pulse_events_stored_total')) >= 3);
  const two = await pull(pulse, 'mail', { table, token: first.token, max: 2 });
  assert.deepEqual(idsOf(two.events), [1, 2]);
  const [one, last] = two.events.map(({ id }) => id) as [string, string];
  assert.deepEqual(two.attempts, { [one]: 2 });
  const third = await pull(pulse, 'mail', { table, token: first.token, ack: { through: last } });
  assert.deepEqual(idsOf(third.events), [3]);
  // The same name on a WebSocket waits for the lease, and goes on where that stopped.
  const socket = await s.consumer(pulse, { model: order, name: 'mail', ack: 'each' });
  const busy = await tryPull(pulse, 'mail', { table });
  assert.ok(!busy.ok && busy.problem.details.reason === 'busy' && busy.problem.details.holder?.kind === 'pull');
  await sleep(100);
  assert.equal(socket.frames.length, 0);
  const released = await post(pulse, '/v1/streams/mail/ack', { token: first.token, release: true });
  assert.deepEqual(await released.json(), { acknowledged: 0, leaseExpiresAt: null });
  await until('the socket to have the name', () => socket.frames.length === 1);
});

scenario('a_job_ends_when_it_has_caught_up_with_what_was_committed_before', async (s) => {
  const { postgres, pulse } = await prepare(s);
  await pull(pulse, 'job', { table, lease: '1s' });
  await postgres.sql(`SET synchronous_commit = off; INSERT INTO orders SELECT n FROM generate_series(1, 250) n`);
  const seen: number[] = [];
  let token: string | undefined;
  let ack: object | undefined;
  for (;;) {
    const batch = await pull(pulse, 'job', { table, token, ack, until: 'end', wait: '20s' });
    seen.push(...idsOf(batch.events));
    token = batch.token;
    const last = batch.events.at(-1);
    ack = last === undefined ? undefined : { through: last.id };
    assert.match(batch.end?.lsn ?? '', /^[0-9A-F]+\/[0-9A-F]+$/);
    if (batch.caughtUp) break;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 250 }, (_, index) => index + 1),
  );
});

// A holder acknowledges out of order; whatever an answer has confirmed never comes again.
scenario(
  'nothing_that_was_acknowledged_comes_again_after_kills_and_hand_overs',
  async (s) => {
    const { postgres, pulse } = await prepare(s);
    s.note(`PULSE_TEST_SEED=${s.random.seed}`);
    const confirmed = new Set<number>();
    const unsure = new Set<number>();
    let committed = 0;
    let token = (await pull(pulse, 'mail', { table, lease: '10min' })).token;
    let has: PulledEvent[] = [];
    for (let round = 0; round < 15; round++) {
      const more = s.random.between(1, 30);
      await insert(postgres, committed + 1, committed + more);
      committed += more;
      for (let i = 0; i < 4; i++) {
        const chosen = s.random.shuffle(has.filter(() => s.random.chance(0.6)));
        const ack = { ids: chosen.map(({ id }) => id) };
        const kills = i === 3;
        if (kills) setTimeout(() => pulse.process.signal('SIGKILL'), s.random.between(0, 20));
        const answer = await tryPull(pulse, 'mail', {
          ...{ table, token, ack, max: s.random.between(1, 20), lease: '10min', wait: '1s' },
        }).catch(() => undefined);
        if (answer === undefined) {
          for (const id of idsOf(chosen)) unsure.add(id);
          break;
        }
        assert.ok(answer.ok, JSON.stringify(answer));
        for (const id of idsOf(chosen)) confirmed.add(id);
        has = [...has.filter((event) => !chosen.includes(event))];
        token = answer.body.token;
        for (const event of answer.body.events) {
          assert.ok(!confirmed.has(event.after?.['id'] as number), `acknowledged, and here again: ${event.id}`);
          if (!has.some(({ id }) => id === event.id)) has.push(event);
        }
        // The oldest that are not acknowledged, in order.
        const wanted = idsOf(answer.body.events);
        const open = Array.from({ length: committed }, (_, index) => index + 1).filter(
          (id) => !confirmed.has(id) && !(unsure.has(id) && !wanted.includes(id)),
        );
        assert.deepEqual(wanted, open.slice(0, wanted.length));
      }
      await pulse.process.ended;
      await pulse.start();
      // Nobody else is served before the lease is over.
      const other = await tryPull(pulse, 'mail', { table });
      assert.ok(!other.ok && other.problem.details.reason === 'busy', JSON.stringify(other));
      if (round % 5 === 4) {
        const before = pulse.process.output.length;
        pulse.process.signal('SIGUSR2');
        await until('the next program', () => /serving/.test(pulse.process.output.slice(before)));
        await pulse.ready();
        assert.equal(await pulse.metric('pulse_leases_held'), 1);
      }
    }
    for (let last: object | undefined; ; ) {
      const batch = await pull(pulse, 'mail', { table, token, ack: last, max: 1000, until: 'end', wait: '5s' });
      for (const id of idsOf(batch.events)) assert.ok(!confirmed.has(id));
      for (const id of idsOf(batch.events)) confirmed.add(id);
      if (batch.events.length === 0) break;
      last = { through: (batch.events.at(-1) as PulledEvent).id };
    }
    const missing = Array.from({ length: committed }, (_, index) => index + 1).filter(
      (id) => !confirmed.has(id) && !unsure.has(id),
    );
    assert.deepEqual(missing, []);
  },
  { timeoutMs: 180_000 },
);

scenario('of_two_holders_one_is_served_and_what_expires_goes_to_the_other', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const one = await pull(pulse, 'mail', { table, lease: '2s' });
  await insert(postgres, 1, 4);
  const has = await pull(pulse, 'mail', { table, token: one.token, lease: '2s', wait: '10s' });
  const [first] = has.events as [PulledEvent];
  const other = await pull(pulse, 'mail', { table, wait: '30s' });
  assert.deepEqual(idsOf(other.events), [1, 2, 3, 4]);
  const late = await post(pulse, '/v1/streams/mail/ack', { token: one.token, ack: { ids: [first.id] } });
  assert.equal(late.status, 409);
  assert.equal(((await late.json()) as { details: { reason: string } }).details.reason, 'fenced');
  assert.deepEqual(idsOf((await pull(pulse, 'mail', { table, token: other.token })).events), [1, 2, 3, 4]);
  assert.equal(await pulse.metric('pulse_leases_fenced_total'), 1);
});

scenario('a_client_that_vanishes_while_it_waits_frees_its_place', async (s) => {
  const { postgres, pulse } = await prepare(s);
  const one = await pull(pulse, 'mail', { table });
  const gone = new AbortController();
  const vanished = tryPull(pulse, 'mail', { table, wait: '50s' }, gone.signal).catch(() => 'gone');
  await until('it to wait', async () => (await pulse.metric('pulse_pulls_waiting')) === 1);
  gone.abort();
  assert.equal(await vanished, 'gone');
  await until('its place to be free', async () => (await pulse.metric('pulse_pulls_waiting')) === 0);
  const next = pull(pulse, 'mail', { table, wait: '50s' });
  await until('the next to wait', async () => (await pulse.metric('pulse_pulls_waiting')) === 1);
  await insert(postgres, 1, 1);
  await post(pulse, '/v1/streams/mail/ack', { token: one.token, release: true });
  assert.deepEqual(idsOf((await next).events), [1]);
});

scenario('on_a_full_disk_nothing_is_handed_out_and_the_lease_goes_on_afterwards', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql('CREATE TABLE orders (id int PRIMARY KEY, note text)');
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  const disk = SmallDisk.mount(pulse.dataFolder, 256);
  if (typeof disk === 'string') return s.note(`left out: a small disk cannot be mounted here: ${disk}`);
  s.atEnd(() => disk.unmount());
  await pulse.start();
  const { token } = await pull(pulse, 'mail', { table, lease: '10min' });
  await insert(postgres, 1, 3);
  await until('the events to be stored', async () => (await pulse.metric('pulse_events_stored_total')) >= 3);
  disk.fillButFor(0);
  const refused = await tryPull(pulse, 'mail', { table, token, lease: '10min' });
  assert.ok(!refused.ok, 'the database of cursors has no room');
  assert.equal(refused.problem.status, 503);
  assert.equal(refused.retryAfter, '1');
  disk.empty();
  const batch = await pull(pulse, 'mail', { table, token, lease: '10min', wait: '10s' });
  assert.deepEqual(idsOf(batch.events), [1, 2, 3]);
  assert.deepEqual(batch.attempts, {});
});

// docs/how-to/pull_events.md, as printed but for the port.
scenario('the_commands_of_the_guide_work_as_printed', async (s) => {
  const { postgres, pulse } = await prepare(s);
  await insert(postgres, 1, 3);
  await until('the events to be stored', async () => (await pulse.metric('pulse_events_stored_total')) >= 3);
  const page = readFileSync(join(root, 'docs/how-to/pull_events.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text);
  assert.equal(blocks.length, 4);
  const variables: Record<string, string> = { PULSE_API_KEY: pulse.apiKey };
  const run = (block: string): Record<string, unknown>[] =>
    execFileSync('bash', ['-ec', block.replaceAll('127.0.0.1:7857', `127.0.0.1:${pulse.listenPort}`)], {
      env: { ...process.env, ...variables },
      encoding: 'utf8',
    })
      .split(/(?<=\})(?=\{)/)
      .map((text) => JSON.parse(text) as Record<string, unknown>);
  const remember = (answer: Record<string, unknown>): number[] => {
    const events = answer['events'] as PulledEvent[];
    variables['TOKEN'] = answer['token'] as string;
    variables['LAST_ID'] = events.at(-1)?.id ?? '';
    return idsOf(events);
  };
  const [first, second, kept, drained] = blocks as [string, string, string, string];
  assert.deepEqual(remember(run(first)[0] as Record<string, unknown>), [1, 2]);
  assert.deepEqual(remember(run(second)[0] as Record<string, unknown>), [3]);
  const [extended, released] = run(kept) as [Record<string, unknown>, Record<string, unknown>];
  assert.ok(typeof extended['leaseExpiresAt'] === 'string');
  assert.deepEqual(released, { acknowledged: 1, leaseExpiresAt: null });
  const [end] = run(drained) as [Record<string, unknown>];
  assert.deepEqual(remember(end), [1, 2, 3]);
  assert.equal(end['caughtUp'], true);
});
