// Every bad request gets an answer that says what is wrong; none is left hanging and none disturbs the others.
import assert from 'node:assert/strict';

import { defineModel, type Model, streamHeaders } from '../harness/model.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { type Answer, rawExchange, upgrade } from '../harness/upgrade.js';
import { until } from '../harness/wait.js';

const person = defineModel('Person', 'people', { id: 'Int', name: 'String', born: 'DateTime', big: 'BigInt' });
const table = 'CREATE TABLE people (id int PRIMARY KEY, name text, born timestamp(3), big bigint)';

async function prepare(s: Scenario): Promise<{ pulse: Pulse; sql: (text: string) => Promise<unknown> }> {
  const postgres = await s.postgres();
  await postgres.sql(table);
  return { pulse: await s.pulse({ database: postgres.socketUrl() }), sql: (text) => postgres.sql(text) };
}

function assertPulseError(answer: Answer, what: { status?: number; code: string; says: RegExp }, label: string): void {
  const body = JSON.parse(answer.body) as {
    code: string;
    message: string;
    requestId: string;
    title: string;
    status: number;
    detail: string;
  };
  assert.ok(answer.status >= 400 && answer.status < 600, `${label}: status ${answer.status}`);
  if (what.status !== undefined) assert.equal(answer.status, what.status, `${label}: ${answer.body}`);
  assert.equal(body.code, what.code, `${label}: ${answer.body}`);
  assert.match(JSON.stringify(body), what.says, label);
  assert.ok(typeof body.message === 'string' && body.message.length > 0, label);
  assert.ok(typeof body.requestId === 'string' && body.requestId.length > 0, label);
  // RFC 9457.
  assert.equal(body.status, answer.status, label);
  assert.equal(body.detail, body.message, label);
  assert.ok(body.title.length > 0, label);
}

scenario('an_unknown_table_a_malformed_header_or_a_bad_filter_is_refused_with_what_is_wrong', async (s) => {
  const { pulse } = await prepare(s);
  const good = streamHeaders(pulse.apiKey, person);
  const withModel = (model: Model): Record<string, string> => streamHeaders(pulse.apiKey, model);
  const withWhere = (where: object): Record<string, string> => streamHeaders(pulse.apiKey, person, { where });
  const without = (name: string): Record<string, string> =>
    Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
  const subscription = (text: string): Record<string, string> => ({ ...good, subscription: text });
  const unauthorized = { status: 401, code: 'P6102', says: /key/i };
  const bad = (says: RegExp): { status: number; code: string; says: RegExp } => ({ status: 400, code: 'P6100', says });

  const cases: [string, Record<string, string>, Parameters<typeof assertPulseError>[1]][] = [
    ['wrong key', { ...good, authorization: 'Bearer wrong-key-0123456789' }, unauthorized],
    ['key with one character more', { ...good, authorization: `${good['authorization']}x` }, unauthorized],
    ['empty key', { ...good, authorization: 'Bearer ' }, unauthorized],
    ['other scheme', { ...good, authorization: `Basic ${pulse.apiKey}` }, unauthorized],
    ['no key', without('authorization'), unauthorized],
    ['no subscription header', without('subscription'), bad(/subscription/)],
    ['subscription is no JSON', subscription('{"model":'), bad(/subscription/)],
    ['subscription is no object', subscription('[1]'), bad(/subscription/)],
    ['no model', subscription('{"modelName":"Person"}'), bad(/model/)],
    [
      'fields are no array',
      subscription('{"modelName":"Person","model":{"dbName":"people","fields":3}}'),
      bad(/fields/),
    ],
    [
      'field without name',
      subscription('{"modelName":"Person","model":{"dbName":"people","fields":[{"kind":"scalar","type":"Int"}]}}'),
      bad(/name/),
    ],
    ['deep nesting', subscription(`{"modelName":"Person","model":${'['.repeat(5000)}${']'.repeat(5000)}}`), bad(/./)],
    ['stream header is no JSON', { ...good, stream: '{' }, bad(/stream/)],
    ['name is no string', { ...good, stream: '{"name":7}' }, bad(/name/)],
    [
      'unknown table',
      withModel(defineModel('Peopel', 'peopel', { id: 'Int' })),
      { status: 404, code: 'P6100', says: /peopel/ },
    ],
    [
      'unknown schema',
      withModel(defineModel('Person', 'people', { id: 'Int' }, 'elsewhere')),
      { status: 404, code: 'P6100', says: /elsewhere/ },
    ],
    ['unknown field in the filter', withWhere({ create: { nome: 'x' } }), bad(/nome/)],
    ['wrong type in the filter', withWhere({ create: { id: 'x' } }), bad(/id/)],
    [
      'unknown operator',
      withWhere({ create: { name: { resembles: 'x' } } }),
      { code: 'P6100', says: /name.*resembles|resembles.*name/ },
    ],
    ['bad tag', withWhere({ create: { born: { $type: 'DateTime', value: 'yesterday' } } }), bad(/born/)],
    ['filter is no object', withWhere({ create: 5 as never }), bad(/create/)],
  ];
  for (const path of ['/stream', '/subscribe']) {
    for (const [label, headers, what] of cases)
      assertPulseError(await upgrade(pulse.url, path, headers), what, `${path}, ${label}`);
  }
  assertPulseError(
    await upgrade(pulse.url, '/stream', good, true),
    { status: 426, code: 'P6100', says: /websocket/i },
    'no upgrade',
  );
  assertPulseError(
    await upgrade(pulse.url, '/nowhere', good),
    { status: 404, code: 'P6100', says: /nowhere|path/ },
    'other path',
  );
  assert.equal((await upgrade(pulse.url, '/stream', good)).status, 101, 'and the good one is still served');
  assert.doesNotMatch(pulse.process.output, new RegExp(pulse.apiKey), 'no key in the log');
});

scenario('headers_of_256_kib_are_served_and_absurd_ones_refused', async (s) => {
  const { pulse, sql } = await prepare(s);
  const padding = Object.fromEntries(
    Array.from({ length: 3000 }, (_, index) => [
      `someFieldWithALongNameThatIsNotInTheTable${index}`,
      `String @column_that_is_not_there_${index}`,
    ]),
  );
  // Fields that the table does not have are what a header is refused for, so the padding is in an attribute of a field.
  const large: Model = {
    ...person,
    model: {
      ...person.model,
      fields: person.model.fields.map((field, index) =>
        index === 0 ? { ...field, documentation: JSON.stringify(padding) } : field,
      ),
    },
  };
  const headers = streamHeaders(pulse.apiKey, large);
  assert.ok((headers['subscription'] as string).length > 256 * 1024);
  assert.equal((await upgrade(pulse.url, '/stream', headers)).status, 101);
  const consumer = await s.consumer(pulse, { model: large });
  await sql("INSERT INTO people VALUES (1, 'one')");
  await consumer.untilReceived(1);

  const absurd = { ...headers, subscription: `${headers['subscription']}${' '.repeat(8 << 20)}` };
  const answer = await upgrade(pulse.url, '/stream', absurd).catch((reason: unknown) => String(reason));
  // The server may close before all of it was sent; what it must not do is take it.
  if (typeof answer !== 'string') assert.equal(answer.status, 431);
  assert.equal((await upgrade(pulse.url, '/stream', headers)).status, 101);
});

scenario('latin_1_filters_match_and_what_is_not_latin_1_arrives', async (s) => {
  const { pulse, sql } = await prepare(s);
  const consumer = await s.consumer(pulse, { model: person, where: { create: { name: 'José Ñandú ÿ' } } });
  await sql("INSERT INTO people VALUES (1, 'Jose'), (2, 'José Ñandú ÿ'), (3, 'José'), (4, 'José Ñandú ÿ')");
  await consumer.untilReceived(2);
  assert.deepEqual(
    consumer.frames.map((frame) => frame.created),
    [2, 4].map((id) => ({ id, name: 'José Ñandú ÿ', born: null, big: null })),
  );
  const all = await s.consumer(pulse, { model: person });
  await sql('INSERT INTO people VALUES (5, \'日本語 🐘 "quoted" \\ \n\t \u0001 \')');
  await all.untilReceived(1);
  assert.equal(all.frames[0]?.created?.['name'], '日本語 🐘 "quoted" \\ \n\t \u0001 ');
});

scenario('nonsense_on_the_socket_ends_that_connection_only', async (s) => {
  const { pulse, sql } = await prepare(s);
  const steady = await s.consumer(pulse, { model: person, name: 'steady' });

  const answer = await rawExchange(pulse.url, 'this is no HTTP\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 400 /);
  const half = rawExchange(pulse.url, 'GET /stream HTTP/1.1\r\nhost: x\r\n', 1000);

  for (const nonsense of [
    'no json',
    '{"type":',
    Buffer.from([0, 1, 2]),
    JSON.stringify({ type: 'ack', id: 'x'.repeat(100_000) }),
  ]) {
    const rude = await s.consumer(pulse, { model: person, reconnect: false });
    rude.sendRaw(nonsense);
    await waitForClose(rude);
    assert.ok([1003, 1007, 1009].includes(rude.lastClose?.code ?? 0), `closed with ${JSON.stringify(rude.lastClose)}`);
  }
  const odd = await s.consumer(pulse, { model: person });
  odd.sendRaw('{"type":"hello"}');
  odd.sendRaw('{"type":"ack","id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}');
  odd.sendRaw('{"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV", "type" : "ack", "more": [1]}');
  await sql("INSERT INTO people VALUES (1, 'one')");
  await Promise.all([steady.untilReceived(1), odd.untilReceived(1), half]);
  assert.equal(steady.connections, 1);
});

scenario('a_revoked_key_opens_nothing_and_ends_what_it_had_opened', async (s) => {
  const { pulse } = await prepare(s);
  const env = { PULSE_URL: pulse.adminUrl, PULSE_ADMIN_TOKEN: pulse.adminToken };
  const made = await pulse.command(['keys', 'create', '--json'], env);
  assert.equal(made.code, 0, made.output);
  const { id, secret, key } = JSON.parse(made.output) as { id: string; secret?: string; key?: string };
  const apiKey = secret ?? key ?? '';
  assert.ok(apiKey.length >= 16);
  const consumer = await s.consumer(pulse, { model: person, apiKey });
  const revoked = await pulse.command(['keys', 'revoke', id], env);
  assert.equal(revoked.code, 0, revoked.output);
  await waitForClose(consumer);
  const answer = await upgrade(pulse.url, '/stream', streamHeaders(apiKey, person));
  assertPulseError(answer, { status: 401, code: 'P6102', says: /key/i }, 'revoked key');
  const listed = await pulse.command(['keys', 'list', '--json'], env);
  assert.doesNotMatch(listed.output + pulse.process.output, new RegExp(apiKey), 'a key is shown once');
});

scenario('administration_needs_its_token', async (s) => {
  const { pulse } = await prepare(s);
  for (const authorization of ['', 'Bearer wrong', `Bearer ${pulse.apiKey}`]) {
    const response = await fetch(`${pulse.adminUrl}/v1/projects`, {
      headers: authorization === '' ? {} : { authorization },
    });
    assert.equal(response.status, 401);
  }
  assert.equal((await pulse.admin('/v1/projects')).status, 200);
  for (const path of ['/v1/projects', '/metrics', '/capturez']) {
    assert.equal(
      (await fetch(`http://127.0.0.1:${pulse.listenPort}${path}`)).status,
      404,
      `${path} is not on the streams' address`,
    );
  }
  for (const path of ['/healthz', '/readyz'])
    assert.ok((await fetch(`http://127.0.0.1:${pulse.listenPort}${path}`)).ok);
});

scenario('each_address_describes_its_routes_and_answers_them_as_described', async (s) => {
  const { pulse } = await prepare(s);
  type Described = Record<string, Record<string, { responses: Record<string, unknown> }>>;
  const authorization = `Bearer ${pulse.adminToken}`;
  for (const address of [`http://127.0.0.1:${pulse.listenPort}`, pulse.adminUrl]) {
    const response = await fetch(`${address}/openapi.json`);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const { paths } = (await response.json()) as { paths: Described };
    for (const [path, methods] of Object.entries(paths)) {
      const asked = address + path.replace('{project}', 'default').replaceAll(/\{[a-z]+\}/g, 'x');
      const refused = await fetch(asked, { method: 'PATCH' });
      assert.equal(refused.status, 405, path);
      assert.equal(refused.headers.get('content-type'), 'application/problem+json');
      const allowed = refused.headers.get('allow')?.split(', ') ?? [];
      assert.deepEqual(
        allowed.filter((method) => method !== 'HEAD'),
        Object.keys(methods).map((method) => method.toUpperCase()),
        path,
      );
      if (methods['get'] === undefined) continue;
      const answer = await fetch(asked, { headers: { authorization } });
      const known = Object.keys(methods['get'].responses);
      assert.ok(known.includes(String(answer.status)) || answer.status >= 400, `${path}: ${answer.status}`);
      await answer.body?.cancel();
    }
  }
});

async function waitForClose(consumer: { isOpen: boolean; lastClose: unknown }): Promise<void> {
  await until('the connection to be closed', () => !consumer.isOpen && consumer.lastClose !== undefined);
}
