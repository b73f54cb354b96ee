// The connection to PostgreSQL is encrypted as its URL says, and a server that cannot prove who it is gets nothing.
import assert from 'node:assert/strict';

import { Authority, type Certificate } from '../harness/certificates.js';
import { defineModel } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { SteadyWriter } from '../harness/steady_writer.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int', text: 'String' });

async function prepare(s: Scenario, tls: Certificate): Promise<Postgres> {
  const postgres = await s.postgres({ tls });
  await postgres.sql('CREATE TABLE rows (id int PRIMARY KEY, text text)');
  return postgres;
}

const url = (host: string, port: number, parameters: Record<string, string>): string =>
  `postgresql://postgres@${host}:${port}/postgres?${new URLSearchParams(parameters).toString()}`;

// For each of the server's own connections, whether it is encrypted.
async function encrypted(postgres: Postgres): Promise<{ kind: string; ssl: boolean }[]> {
  const { rows } = await postgres.sql(
    `SELECT backend_type AS kind, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
     WHERE application_name LIKE 'pulse %'`,
  );
  return rows as { kind: string; ssl: boolean }[];
}

scenario('encrypted_connections_capture_as_others_do', async (s) => {
  const authority = new Authority();
  const postgres = await prepare(s, authority.issue('DNS:localhost', 'IP:127.0.0.1'));
  const verified = { sslmode: 'verify-full', sslrootcert: authority.certificate };
  const urls = [
    url('127.0.0.1', postgres.port, { sslmode: 'require' }),
    url('localhost', postgres.port, verified),
    // Prisma's words for the same.
    url('localhost', postgres.port, { sslaccept: 'strict', sslcert: authority.certificate }),
  ];
  for (const [number, database] of urls.entries()) {
    const pulse = await s.pulse({ database });
    const consumer = await s.consumer(pulse, { model: row, name: 'reader' });
    // More than one TLS record, and than one read from the socket.
    const first = number * 5000 + 1;
    await postgres.sql(
      `INSERT INTO rows SELECT n, repeat(md5(n::text), 20) FROM generate_series(${first}, ${first + 4999}) n`,
    );
    await consumer.untilReceived(5000);
    const connections = await encrypted(postgres);
    assert.ok(connections.some(({ kind }) => kind === 'walsender'));
    assert.deepEqual(
      connections.filter(({ ssl }) => !ssl),
      [],
    );
    await pulse.terminate();
    await postgres.sql("SELECT pg_drop_replication_slot('pulse_default')");
  }
});

scenario('a_server_that_is_not_who_it_should_be_is_refused', async (s) => {
  const authority = new Authority();
  const postgres = await prepare(s, authority.issue('DNS:elsewhere.test'));
  const cases = [
    [new Authority('Another authority').certificate, /certificate verify failed/],
    [authority.certificate, /server certificate for "elsewhere\.test" does not match host name "localhost"/],
    ['/nowhere/ca.crt', /root certificate file "\/nowhere\/ca\.crt" does not exist/],
  ] as const;
  for (const [sslrootcert, expected] of cases) {
    const database = url('localhost', postgres.port, { sslmode: 'verify-full', sslrootcert });
    const pulse = await s.unstarted({ database });
    pulse.launch();
    const problem = await until(`the status to say ${expected}`, async () => {
      const status = await pulse.capture();
      return !status.connected && expected.test(status.problem) && status.problem;
    });
    s.note(problem);
    // Quotes are escaped in a log line.
    assert.match(pulse.process.output.replaceAll('\\"', '"'), expected);
    const doctor = await pulse.command(['doctor', '--database', database]);
    assert.notEqual(doctor.code, 0);
    assert.match(doctor.output, expected);
    assert.deepEqual(await encrypted(postgres), []);
    await pulse.terminate();
  }
});

scenario('encrypted_connections_that_are_cut_lose_nothing', async (s) => {
  const authority = new Authority();
  const postgres = await prepare(s, authority.issue('DNS:localhost'));
  const proxy = await s.proxy(postgres.port);
  await proxy.open();
  const verified = { sslmode: 'verify-full', sslrootcert: authority.certificate };
  const pulse = await s.pulse({ database: url('localhost', proxy.port, verified) });
  const consumer = await s.consumer(pulse, { model: row, name: 'reader' });

  const insert = 'INSERT INTO rows SELECT n, repeat(md5(n::text), 10) FROM generate_series($1::int, $2::int) n';
  const writer = new SteadyWriter(postgres, insert, { rows: 50, pauseMs: 5 });
  s.atEnd(() => writer.stop());

  for (let round = 1; round <= 10; round++) {
    const { accepted } = proxy;
    // In the stream's middle, within records and between them.
    proxy.cutAfter(s.random.between(1, 300_000));
    await until(`connections after cut ${round}`, () => proxy.accepted >= accepted + 2);
    await pulse.capturing(60_000);
  }
  // As bad a way to be cut: nothing comes, and nobody says so.
  proxy.stall();
  const before = writer.written;
  await until('more to be written', () => writer.written >= before + 1000);
  assert.ok(consumer.received < writer.written - 500);
  proxy.resume();
  await writer.stop();
  await consumer.untilReceived(writer.written);
  assert.deepEqual(
    consumer.frames.map((frame) => frame.created?.['id']),
    writer.numbers,
  );
  assert.deepEqual(
    (await encrypted(postgres)).filter(({ ssl }) => !ssl),
    [],
  );
  s.note(`${writer.written} rows through ${proxy.accepted} connections`);
});
