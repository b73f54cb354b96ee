// A bare Debian with the installed package, and a Prisma project: to the first event by the README's lines alone.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../harness/paths.js';
import { pushSchema } from '../harness/prisma.js';
import { freePorts } from '../harness/process.js';
import { applicationOf, blocksOf, readme, replaced } from '../harness/readme.js';
import { until } from '../harness/wait.js';
import { packed, rootScenario } from './files.js';
import { Machine } from './machine.js';

const project = '/srv/shop';
// What the README promises is not that a machine is fast: the time of a person who waits.
const promisedMs = 120_000;

function lineWith(part: string): string {
  const [found] = blocksOf(readme).filter(({ text }) => text.includes(part));
  assert.ok(found !== undefined, part);
  return found.text;
}

rootScenario(
  'from_the_package_to_the_first_event_by_the_lines_of_the_readme',
  async (s) => {
    const postgres = await s.postgres();
    await pushSchema(postgres, 'demo');
    const machine = await Machine.boot(s, {
      [`${project}/node_modules`]: join(root, 'node_modules'),
      [`${project}/build/prisma`]: join(root, 'build/prisma'),
    });
    copyFileSync(packed(/^pulse_.*\.deb$/), machine.path('srv/pulse.deb'));
    await machine.run('apt-get install --yes --quiet --no-install-recommends /srv/pulse.deb nodejs');
    const { imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { imports: object };
    writeFileSync(machine.path(`${project}/package.json`), JSON.stringify({ private: true, imports }));
    const [streams = 0, admin = 0] = await freePorts(2);
    const env = {
      DATABASE_URL: postgres.url(),
      // Its network is this machine's, where others may have the usual ports.
      PULSE_LISTEN: `127.0.0.1:${streams}`,
      PULSE_ADMIN_LISTEN: `127.0.0.1:${admin}`,
    };
    const written = (file: string): string => {
      try {
        return readFileSync(machine.path(file), 'utf8');
      } catch {
        return '';
      }
    };
    s.atEnd(() => s.note(`${written('srv/serve.log').slice(-2000)}\n${written('srv/application.log').slice(-2000)}`));

    const began = performance.now();
    const doctor = replaced(lineWith('pulse doctor'), 'postgresql://app@db.example.com/shop', `'${postgres.url()}'`);
    assert.match(await machine.run(doctor), /wal_level/);
    const inBackground = (line: string, log: string): string =>
      `cd ${project}; { ${line.trim()}\n} >/srv/${log} 2>&1 </dev/null &`;
    await machine.run(inBackground(lineWith('pulse serve'), 'serve.log'), env);
    // On a terminal it would print the key itself.
    const keyFile = /API key created: .* file=(\S+)/;
    await until('the key', () => keyFile.test(written('srv/serve.log')), { timeoutMs: promisedMs });

    const lines = lineWith("for await (const event of await prisma.user.stream({ name: 'emails', create: {} }))");
    const sendWelcome = 'const sendWelcome = async (email) => console.log("welcome", email);';
    mkdirSync(machine.path(project), { recursive: true });
    const text = applicationOf(lineWith('withPulse('), `ws://127.0.0.1:${streams}`, `${sendWelcome}\n${lines}`);
    writeFileSync(machine.path(`${project}/application.mjs`), text);
    const apiKey = written(keyFile.exec(written('srv/serve.log'))?.[1] ?? '').trim();
    await machine.run(inBackground('node application.mjs', 'application.log'), { ...env, PULSE_API_KEY: apiKey });
    const isOpen = async (): Promise<boolean> =>
      (await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()).includes(
        'pulse_streams_open{project="default"} 1',
      );
    await until('the stream to be open', isOpen, { timeoutMs: promisedMs });
    await postgres.sql("INSERT INTO users (email) VALUES ('ada@example.com')");
    await until('the first event', () => written('srv/application.log').includes('welcome ada@example.com'));
    const tookMs = Math.round(performance.now() - began);
    s.note(`${tookMs} ms from the installed package to the first event`);
    assert.ok(tookMs < promisedMs, `${tookMs}`);
  },
  { timeoutMs: 200_000 },
);
