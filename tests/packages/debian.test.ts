// The Debian package on a bare Debian: installed, upgraded under load, removed, purged.
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { connectPrisma } from '../client/real_client.js';
import { Consumer } from '../harness/consumer.js';
import { defineModel } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import { pushSchema } from '../harness/prisma.js';
import { freePorts } from '../harness/process.js';
import type { Pulse } from '../harness/pulse.js';
import type { Scenario } from '../harness/scenario.js';
import { SteadyWriter } from '../harness/steady_writer.js';
import { sleep, until } from '../harness/wait.js';
import { packed, rootScenario, run } from './files.js';
import { Machine } from './machine.js';

const note = defineModel('Note', 'notes', { id: 'Int', text: 'String' });
const built = packed(/^pulse_.*\.deb$/);
const install = 'apt-get install --yes --quiet --no-install-recommends';
const pid = 'systemctl show --property=MainPID --value pulse';

test('lintian_has_nothing_to_say', () => {
  run('lintian', '--allow-root', '--fail-on=error,warning', built);
});

test('debug_information_is_that_of_the_program', () => {
  const files = run('dpkg-deb', '--contents', packed(/^pulse-dbgsym_.*\.deb$/));
  const id = /Build ID: (\w+)/.exec(run('readelf', '--notes', 'build/release/pulse'))?.[1] ?? '';
  assert.ok(files.includes(`/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`), files);
});

// The same package as a later version.
function later(machine: Machine): string {
  const folder = machine.path('srv/later');
  run('dpkg-deb', '--raw-extract', built, folder);
  const control = join(folder, 'DEBIAN/control');
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, 'Version: 99.0.0'));
  run('dpkg-deb', '--build', '--root-owner-group', folder, machine.path('srv/later.deb'));
  return '/srv/later.deb';
}

// Connects again and again, and counts who is refused.
class Knocker {
  readonly refusals: string[] = [];
  knocks = 0;
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(private readonly port: number) {
    this.running = this.knock();
  }

  private async knock(): Promise<void> {
    while (!this.stopped) {
      await new Promise<void>((resolve) => {
        const socket = connect(this.port, '127.0.0.1', () => {
          socket.destroy();
          resolve();
        });
        socket.once('error', (reason) => {
          this.refusals.push(String(reason));
          resolve();
        });
      });
      this.knocks++;
      await sleep(5);
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }
}

// An application's loop, which knows nothing of upgrades, and what it is written for.
async function readWithThePublishedClient(
  s: Scenario,
  postgres: Postgres,
  server: Pick<Pulse, 'url' | 'apiKey'>,
): Promise<{ end: () => Promise<void> }> {
  const prisma = connectPrisma(postgres, server);
  s.atEnd(() => prisma.$disconnect());
  const stream = await prisma.writer.stream({ name: 'application' });
  s.atEnd(() => stream.stop());
  const [written, seen]: [string[], Set<string>] = [[], new Set()];
  let ended: unknown;
  void (async () => {
    for await (const event of stream) if (event.action === 'create') seen.add(event.created.name);
    ended = 'it ended';
  })().catch((reason) => (ended = reason));
  let writing = true;
  const load = (async () => {
    while (writing) {
      const name = `w${written.length}`;
      await prisma.writer.create({ data: { name } });
      written.push(name);
      await sleep(100);
    }
  })();
  return {
    end: async () => {
      writing = false;
      await load;
      await until('all of it', () => seen.size === written.length || ended !== undefined);
      assert.equal(ended, undefined, 'the loop goes on');
      assert.deepEqual([...seen], written);
    },
  };
}

rootScenario(
  'installed_upgraded_under_load_removed_and_purged',
  async (s) => {
    const postgres = await s.postgres();
    await pushSchema(postgres, 'tests/client');
    await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
    const machine = await Machine.boot(s);
    const [streams = 0, admin = 0] = await freePorts(2);
    copyFileSync(built, machine.path('srv/pulse.deb'));
    const next = later(machine);

    await machine.run(`${install} /srv/pulse.deb`);
    assert.match(await machine.run('getent passwd pulse'), /:\/var\/lib\/pulse:\/usr\/sbin\/nologin$/m);
    assert.equal(
      (await machine.try('systemctl is-active pulse pulse.socket')).output,
      'inactive\ninactive\n',
      'no database yet',
    );
    assert.equal(await machine.run('stat --format=%a%U /etc/pulse/environment'), '600root\n');

    for (const [unit, port] of [
      ['pulse', streams],
      ['pulse-admin', admin],
    ] as const) {
      mkdirSync(machine.path(`etc/systemd/system/${unit}.socket.d`), { recursive: true });
      const text = `[Socket]\nListenStream=\nListenStream=127.0.0.1:${port}\n`;
      writeFileSync(machine.path(`etc/systemd/system/${unit}.socket.d/port.conf`), text);
    }
    const url = `postgresql://postgres@127.0.0.1:${postgres.port}/postgres`;
    appendFileSync(machine.path('etc/pulse/environment'), `PULSE_DATABASE_URL=${url}\n`);
    appendFileSync(machine.path('etc/pulse/pulse.toml'), 'window_events = 100\n');
    await machine.run('systemctl daemon-reload && systemctl enable --quiet --now pulse');
    s.atEnd(async () => s.note((await machine.try('journalctl --unit=pulse --no-pager --lines=5')).output));
    const capturing = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${admin}/capturez`).catch(() => undefined))?.ok === true;
    await until('capture', capturing, { timeoutMs: 30_000 });
    const { key } = JSON.parse(await machine.run('pulse keys create --json')) as { key: string };

    const consumer = await Consumer.open({
      ...{ url: `ws://127.0.0.1:${streams}`, apiKey: key, model: note, name: 'reader', reconnect: true },
    });
    s.atEnd(() => consumer.terminate());
    const insert = "INSERT INTO notes SELECT n, 'text' FROM generate_series($1::int, $2::int) n";
    const writer = new SteadyWriter(postgres, insert, { rows: 5, pauseMs: 5 });
    s.atEnd(() => writer.stop());
    await consumer.untilReceived(200);
    const application = await readWithThePublishedClient(s, postgres, {
      url: `ws://127.0.0.1:${streams}`,
      apiKey: key,
    });
    const knockers = [new Knocker(streams), new Knocker(admin)];
    s.atEnd(() => Promise.all(knockers.map((knocker) => knocker.stop())));

    const before = (await machine.run(pid)).trim();
    const upgraded = await machine.run(`${install} ${next}`);
    assert.doesNotMatch(upgraded, /^pulse: /m, 'nothing is to be done');
    const program = async (): Promise<string> => (await machine.try(`readlink /proc/${before}/exe`)).output.trim();
    assert.equal(await program(), '/usr/bin/pulse', 'the installation waits for the new program');
    await until('capture', capturing, { timeoutMs: 30_000 });
    await consumer.untilReceived(consumer.received + 200);
    await Promise.all(knockers.map((knocker) => knocker.stop()));
    assert.equal((await machine.run(pid)).trim(), before, 'handed over, not started again');
    assert.equal(consumer.connections, 2, 'it was told to come again, once');
    for (const { refusals, knocks } of knockers) {
      assert.ok(knocks > 20, `${knocks}`);
      assert.deepEqual(refusals, []);
    }
    assert.match(await machine.run('dpkg-query --show pulse'), /99\.0\.0/);
    assert.match(await machine.run('tail -1 /etc/pulse/pulse.toml'), /window_events/, 'settings are kept');
    await application.end();
    await writer.stop();
    await until(
      'every row',
      () => new Set(consumer.frames.map(({ created }) => created?.['id'])).size === writer.written,
    );

    // A new program that could not start: the old one goes on, which is said, and the package is whole.
    await machine.run("sed -i '$a no_setting = 1' /etc/pulse/pulse.toml");
    const kept = await machine.run(`${install} --reinstall ${next}`);
    // A terminal's line ends are two characters.
    assert.match(kept, /^pulse: .* was not handed over .*\r?\n^pulse: .*journalctl -u pulse/m);
    assert.match(await program(), /\(deleted\)$/);
    assert.match(await machine.run('dpkg --status pulse'), /^Status: install ok installed$/m);
    await machine.run("sed -i '/no_setting/d' /etc/pulse/pulse.toml");

    const removed = await machine.run('apt-get remove --yes --quiet pulse');
    assert.match(removed, /pg_drop_replication_slot/, 'what stays in the database is said');
    assert.equal((await machine.try('systemctl is-active pulse pulse.socket')).output, 'inactive\ninactive\n');
    assert.ok(existsSync(machine.path('etc/pulse/pulse.toml')));

    assert.match(await machine.run(`${install} ${next}`), /^pulse: it is not running.*systemctl start pulse\r?$/m);
    await machine.run('systemctl start pulse');
    await until('capture after it was installed again', capturing, { timeoutMs: 30_000 });
    await machine.run('apt-get purge --yes --quiet pulse');
    assert.ok(!existsSync(machine.path('etc/pulse')), 'settings are gone');
    assert.ok(existsSync(machine.path('var/lib/pulse/projects')), 'data are kept');
    await machine.run(`${install} ${next}`);
    await machine.run('apt-get purge --yes --quiet pulse', { PULSE_PURGE_DATA: '1' });
    assert.ok(!existsSync(machine.path('var/lib/pulse')), 'data are gone when that is asked for');
    assert.equal(await machine.run("find /etc/systemd/system /var/lib/systemd -name 'pulse*' -not -name '*.d'"), '');
  },
  { timeoutMs: 400_000 },
);
