// The commands and code of the README and of docs/how-to/write_a_consumer.md, run as printed against real servers. A
// block that is not run here has a reason below. A block without test and reason is an error, and so is a test without
// its block.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import ts from 'typescript';

import { atExit, removeFolder } from '../harness/cleanup.js';
import { pulseBinary, root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { pushSchema } from '../harness/prisma.js';
import { freePorts, Program } from '../harness/process.js';
import type { Pulse } from '../harness/pulse.js';
import { Operator } from '../harness/runbook.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const pages = readme + readFileSync(join(root, 'docs/how-to/write_a_consumer.md'), 'utf8');

// By what stands in them, so that a block can be moved and its comments changed.
const blocks = [...pages.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));
const used = new Set<string>();

function blockWith(part: string): string {
  const found = blocks.filter(({ text }) => text.includes(part) && !used.has(text));
  const [block] = found;
  assert.ok(block !== undefined, `no page has a block with "${part}" that no other test runs`);
  used.add(block.text);
  return block.text;
}

// A part of a block, and why nothing runs it here.
const notRun: Record<string, string> = {
  'PostgreSQL ───── WAL': 'it is a picture',
  'script/demo': 'script/test runs this, and with --all the demo; pulse_dev.test.ts runs pulse dev --throwaway',
  'apt install': 'tests/packages install both on a Debian of their own, once script/package has made them',
};

// For the reader's own parts: exactly one place has to be there.
function replaced(text: string, from: string, to: string): string {
  assert.equal(text.split(from).length, 2, `"${from}" once in\n${text}`);
  return text.replace(from, to);
}

const connecting = blockWith('withPulse(');
const emails = blockWith(
  "for await (const event of await prisma.user.stream({ name: 'emails', create: {} })) {\n  await",
);
const emailsForEver = blockWith('for (;;)');
const job = blockWith("name: 'hourly-job'");
const eventShown = blockWith('"action":"create"');
const doctor = blockWith('pulse doctor');
const serve = blockWith('pulse serve');

interface Shop {
  postgres: Postgres;
  pulse: Pulse;
}

// The demo's database has the tables that the README writes of.
async function openShop(s: Scenario): Promise<Shop> {
  const postgres = await s.postgres();
  await pushSchema(postgres, 'demo');
  return { postgres, pulse: await s.pulse({ database: postgres.socketUrl() }) };
}

// An application of the README's lines, which writes a line for each thing that `actions` defines.
function startApplication(s: Scenario, { postgres, pulse }: Shop, actions: string, lines: string): Program {
  let client = replaced(connecting, "'@prisma/client'", "'#prisma/demo'");
  client = replaced(client, 'ws://127.0.0.1:7857', pulse.url);
  client = replaced(client, 'new PrismaClient()', 'new PrismaClient({ adapter })');
  const adapter = `import { PrismaPg } from '@prisma/adapter-pg';\nconst adapter = new PrismaPg(process.env.DATABASE_URL!);\n`;
  const source = `${adapter}${client}\n${actions}\n${lines}`;
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  // Below the repository, where Node.js finds its packages.
  const folder = mkdtempSync(join(root, 'build/readme-'));
  const forget = atExit(() => removeFolder(folder));
  writeFileSync(join(folder, 'application.mjs'), outputText);
  const application = new Program(process.execPath, ['application.mjs'], {
    logFile: join(folder, 'log'),
    cwd: folder,
    env: { DATABASE_URL: postgres.url(), PULSE_API_KEY: pulse.apiKey },
    signalOnParentEnd: 'KILL',
  });
  s.atEnd(async () => {
    await application.endBy('SIGKILL', 10_000);
    removeFolder(folder);
    forget();
  });
  return application;
}

const sendWelcome = 'const sendWelcome = async (email: string) => console.log("welcome", email);';

async function untilPrinted(application: Program, text: string): Promise<void> {
  await until(`"${text}" to be printed`, () => {
    if (application.output.includes(text)) return true;
    if (!application.running) throw new Error(`the application has ended:\n${application.tail()}`);
    return false;
  });
}

async function untilStreaming({ pulse }: Shop): Promise<void> {
  await until('the stream to be open', async () => (await pulse.metric('pulse_streams_open')) === 1);
}

const signUp = ({ postgres }: Shop, email: string): Promise<unknown> =>
  postgres.sql(`INSERT INTO users (email) VALUES ('${email}')`);
const order = ({ postgres }: Shop, item: string): Promise<unknown> =>
  postgres.sql(`INSERT INTO orders (item, quantity, total) VALUES ('${item}', 1, 2)`);

scenario('the_first_loop_sends_an_email_for_each_user', async (s) => {
  const shop = await openShop(s);
  const application = startApplication(s, shop, sendWelcome, emails);
  await untilStreaming(shop);
  await signUp(shop, 'ada@example.com');
  await untilPrinted(application, 'welcome ada@example.com');
});

scenario('the_event_is_as_shown', async (s) => {
  const shop = await openShop(s);
  const lines = replaced(emails, 'sendWelcome(event.created.email)', 'console.log(JSON.stringify(event))');
  const application = startApplication(s, shop, '', lines);
  await untilStreaming(shop);
  await signUp(shop, 'ada@example.com');
  await untilPrinted(application, '}}');
  const event = JSON.parse(application.output) as { id: string; created: { joinedAt: string } };
  const shown = JSON.parse(eventShown) as typeof event;
  // Of its own time; everything else is as printed.
  assert.match(shown.id, /^[0-9A-Z]{26}$/);
  const { joinedAt } = event.created;
  assert.deepEqual(event, { ...shown, id: event.id, created: { ...shown.created, joinedAt } });
});

scenario('the_worker_opens_its_stream_again_after_the_server_was_gone', async (s) => {
  const shop = await openShop(s);
  const application = startApplication(s, shop, sendWelcome, emailsForEver);
  await untilStreaming(shop);
  await signUp(shop, 'ada@example.com');
  await untilPrinted(application, 'welcome ada@example.com');
  await shop.pulse.kill();
  await untilPrinted(application, 'the stream has ended; opening it again');
  await signUp(shop, 'grace@example.com');
  await shop.pulse.start();
  await untilPrinted(application, 'welcome grace@example.com');
});

scenario('the_job_takes_what_has_come_since_its_last_run_and_ends', async (s) => {
  const shop = await openShop(s);
  const run = async (): Promise<string[]> => {
    const actions = 'const sync = async (event: any) => console.log("order of", event.created.item);';
    const application = startApplication(s, shop, actions, `${job}\nconsole.log('done');\nprocess.exit(0);`);
    assert.deepEqual(await application.ended, { code: 0, signal: null }, application.output);
    return application.output.trimEnd().split('\n');
  };
  assert.deepEqual(await run(), ['done'], 'the first run begins now');
  await order(shop, 'tea');
  await order(shop, 'milk');
  assert.deepEqual(await run(), ['order of tea', 'order of milk', 'done']);
  assert.deepEqual(await run(), ['done']);
});

scenario('the_doctor_is_asked_about_a_database', async (s) => {
  const { postgres, pulse } = await openShop(s);
  const operator = await Operator.of(s, pulse, postgres.url());
  const text = replaced(doctor, 'postgresql://app@db.example.com/shop', `'${postgres.url()}'`);
  assert.match(await operator.run({ language: 'sh', text }), /wal_level/);
});

scenario('the_server_starts_with_the_url_alone', async (s) => {
  const postgres = await s.postgres();
  const pulse = await s.unstarted({});
  const [port, adminPort] = await freePorts(2);
  // The shell becomes the server, which then ends with this test.
  const text = replaced(serve, 'pulse serve', 'exec pulse serve');
  const server = new Program('bash', ['-euo', 'pipefail', '-c', text], {
    logFile: join(pulse.folder, 'log'),
    env: {
      PATH: `${dirname(pulseBinary)}:${process.env.PATH}`,
      DATABASE_URL: postgres.url(),
      PULSE_LISTEN: `127.0.0.1:${port}`,
      PULSE_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
      PULSE_DATA_DIR: pulse.dataFolder,
    },
    signalOnParentEnd: 'KILL',
  });
  s.atEnd(() => server.signal('SIGKILL'));
  await until(
    'the server to capture',
    async () => {
      if (!server.running) throw new Error(`it has ended:\n${server.tail()}`);
      return (await fetch(`http://127.0.0.1:${adminPort}/capturez`)).ok;
    },
    { timeoutMs: 100_000 },
  );
  const { rows } = await postgres.sql('SELECT slot_name FROM pg_replication_slots');
  assert.deepEqual(rows, [{ slot_name: 'pulse_default' }], 'as the README says');
  const published = await postgres.sql('SELECT pubname FROM pg_publication');
  for (const { pubname } of published.rows as { pubname: string }[]) assert.match(pubname, /^pulse_default\./);
  assert.match(server.output, /pulse_/, 'a key is shown');
  assert.deepEqual(await server.endBy('SIGTERM', 15_000), { code: 0, signal: null });
});

// `a|b` in the last word are several commands; what follows is an argument.
function commandsOfTable(): { command: string[]; option: string | undefined }[] {
  return [...readme.matchAll(/^\| `pulse ([^`]+)` \|/gm)].flatMap(([, cell = '']) => {
    const words = cell.replaceAll('\\|', '|').split(' ');
    const option = /--\w+/.exec(cell)?.[0];
    const [command = '', rest] = words.filter((word) => /^[a-z|]+$/.test(word));
    return rest === undefined
      ? [{ command: [command], option }]
      : rest.split('|').map((one) => ({ command: [command, one], option }));
  });
}

scenario('the_table_of_commands_is_that_of_the_program', async (s) => {
  const { pulse } = await openShop(s);
  const listed = async (...command: string[]): Promise<string[]> => {
    const { code, output } = await pulse.command([...command, '--help']);
    assert.equal(code, 0, output);
    // Up to the empty line: examples follow.
    const names = output.split('Subcommands:\n')[1]?.split('\n\n')[0] ?? '';
    return [...names.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name).sort();
  };
  const commands = commandsOfTable();
  const top = [...new Set(commands.map(({ command: [name = ''] }) => name))].sort();
  assert.deepEqual(top, await listed());
  for (const name of top) {
    const below = commands.filter(({ command }) => command[0] === name).flatMap(({ command }) => command.slice(1));
    assert.deepEqual(below.sort(), await listed(name), `pulse ${name}`);
  }
  for (const { command, option } of commands) {
    const { output } = await pulse.command([...command, '--help']);
    if (option !== undefined) assert.match(output, new RegExp(`${option}\\b`), command.join(' '));
  }
  for (const name of ['keys', 'streams', 'gaps']) {
    const { code, output } = await pulse.command([name, 'list', '--json'], pulse.adminAccess);
    assert.equal(code, 0, output);
    JSON.parse(output);
  }
});

test('the_scripts_that_the_readme_names_are_there', async () => {
  const named = [...readme.matchAll(/script\/([a-z]+)(?: ([a-z]+)\b)?/g)];
  assert.notEqual(named.length, 0);
  for (const [, script = '', what] of named) {
    const file = join(root, 'script', script);
    assert.ok(existsSync(file), `script/${script}`);
    if (script === 'bench' && what !== undefined) {
      assert.match(readFileSync(file, 'utf8'), new RegExp(`script/bench ${what}\\b`), `script/bench ${what}`);
    }
  }
});

test('each_block_is_run_or_left_out_for_a_reason', () => {
  for (const part of Object.keys(notRun)) blockWith(part);
  const left = blocks.filter(({ text }) => !used.has(text)).map(({ text }) => text);
  assert.deepEqual(left, [], 'run it in a test of this file, or name it in notRun with the reason');
});
