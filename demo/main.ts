// Shows Pulse at work on one machine: a PostgreSQL cluster of its own, the server, and the published Prisma client.
// script/demo builds what it needs and starts it.
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

import { Postgres } from '../tests/harness/postgres.js';
import { pushSchema } from '../tests/harness/prisma.js';
import { Pulse } from '../tests/harness/pulse.js';
import { sleep, until, within } from '../tests/harness/wait.js';
import { type Application, connect } from './application.js';
import { check, heading, say, event as show, summary } from './report.js';

const { values: options } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });

const placeOrders = async (prisma: Application, item: string, count: number): Promise<number[]> => {
  const ids: number[] = [];
  for (let n = 1; n <= count; n++) {
    const { id } = await prisma.order.create({
      data: { item: `${item} ${n}`, quantity: n, total: (n * 2.5).toFixed(2) },
    });
    ids.push(id);
  }
  return ids;
};

async function eventsAsTheyArrive(prisma: Application): Promise<void> {
  heading('Events as they arrive');
  say('for await (const event of await prisma.user.stream({ name: "demo" })) console.log(event)');
  const stream = await prisma.user.stream({ name: 'demo' });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const event of stream) {
      show(event);
      seen.push(event.action);
      if (event.action === 'delete') break;
    }
  })();
  const { id } = await prisma.user.create({ data: { email: 'ada@example.com', name: 'Ada' } });
  await prisma.user.create({ data: { email: 'josé@example.com', plan: 'PRO' } });
  await prisma.user.update({ where: { id }, data: { plan: 'PRO' } });
  await prisma.user.delete({ where: { id } });
  await within('four events', 20_000, reading);
  check('each write of Prisma Client arrived, in order', seen.join() === 'create,create,update,delete');
}

async function stopAndResume(prisma: Application): Promise<void> {
  heading('A consumer stops, and goes on where it was');
  const first = await prisma.order.stream({ name: 'shipping' });
  const before = await placeOrders(prisma, 'tea', 3);
  const taken: number[] = [];
  const taking = (async () => {
    for await (const event of first) {
      if (event.action !== 'create') continue;
      show(event);
      taken.push(event.created.id);
      if (taken.length === 2) break;
    }
  })();
  await within('two events', 20_000, taking);
  say('the consumer stopped in the middle of its second event; three more orders are placed meanwhile');
  const meanwhile = await placeOrders(prisma, 'coffee', 3);

  const again = await prisma.order.stream({ name: 'shipping' });
  const expected = [...before.slice(1), ...meanwhile];
  const resumed: number[] = [];
  const resuming = (async () => {
    for await (const event of again) {
      if (event.action !== 'create') continue;
      show(event);
      resumed.push(event.created.id);
      if (resumed.length === expected.length) break;
    }
  })();
  await within(`${expected.length} events`, 20_000, resuming);
  check('it went on with the event that it had in hand, and missed none', resumed.join() === expected.join());
}

async function hourlyJob(prisma: Application, postgres: Postgres, pulse: Pulse): Promise<number> {
  heading('A job that runs now and then and ends when it has nothing to do');
  const program = join(dirname(fileURLToPath(import.meta.url)), 'hourly_job.js');
  const run = async (): Promise<number[]> => {
    const { stdout } = await promisify(execFile)(process.execPath, [program], {
      env: {
        ...process.env,
        DATABASE_URL: postgres.url(),
        PULSE_ENDPOINT: pulse.url,
        PULSE_API_KEY: pulse.apiKey,
        IDLE_MS: '1000',
      },
      timeout: 60_000,
    });
    return stdout.split('\n').filter(Boolean).map(Number);
  };
  const placed: number[] = [];
  const received: number[] = [];
  // The first run makes the name: a new one starts now.
  await run();
  for (let number = 1; number <= 10; number++) {
    placed.push(...(await placeOrders(prisma, 'cake', number)));
    // What is written while a run lasts is that run's or the next one's.
    const [orders, more] = await Promise.all([run(), number % 2 === 1 ? placeOrders(prisma, 'late cake', 2) : []]);
    placed.push(...more);
    received.push(...orders);
    say(
      `run ${String(number).padStart(2)}: ${String(orders.length).padStart(2)} orders${orders.length > 0 ? ` (${orders[0]} to ${orders.at(-1)})` : ''}`,
    );
  }
  check(`ten runs received all ${placed.length} orders, in order, none twice`, received.join() === placed.join());
  return placed.length;
}

async function killUnderLoad(prisma: Application, pulse: Pulse): Promise<number> {
  heading('The server is killed under load');
  const kills = 5;
  const placed: number[] = [];
  const ids = new Map<number, string>();
  let redelivered = 0;
  let renamed = 0;
  let writing = true;
  let done = false;

  let stream = await prisma.order.stream({ name: 'billing', create: {} });
  const consuming = (async () => {
    for (;;) {
      try {
        for await (const event of stream) {
          const order = event.created.id;
          const known = ids.get(order);
          if (known !== undefined) redelivered++;
          if (known !== undefined && known !== event.id) renamed++;
          ids.set(order, known ?? event.id);
        }
      } catch {
        // The server is down: the client gives up, and the application opens its stream again.
      }
      if (done) return;
      for (let open = false; !open; ) {
        try {
          stream = await prisma.order.stream({ name: 'billing', create: {} });
          open = true;
        } catch {
          await sleep(100);
        }
      }
    }
  })();
  const load = (async () => {
    for (let n = 0; writing; n++) placed.push(...(await placeOrders(prisma, `load ${n},`, 20)));
  })();
  for (let kill = 1; kill <= kills; kill++) {
    await sleep(400);
    const pid = pulse.process.pid;
    await pulse.kill();
    const down = placed.length;
    await sleep(200);
    await pulse.start();
    say(`kill -9 ${pid}: ${ids.size} orders received; ${placed.length - down} were placed while the server was away`);
  }
  writing = false;
  await load;
  await until('every order', () => ids.size >= placed.length, { timeoutMs: 30_000 }).catch(() => {});
  done = true;
  stream.stop();
  await consuming;
  const first = [...ids.keys()];
  check(
    `all ${placed.length} orders arrived, ${placed.filter((id) => !ids.has(id)).length} missing`,
    placed.every((id) => ids.has(id)),
  );
  check('in the order in which they were committed', first.join() === placed.join());
  check(`what came again (${redelivered}) had the id it had`, renamed === 0);
  return placed.length;
}

async function main(): Promise<number> {
  heading('Parts');
  const postgres = await Postgres.start({ keep: options.keep });
  say(`PostgreSQL  ${postgres.url()}`);
  await pushSchema(postgres, 'demo');
  say('tables      users and orders, from demo/schema.prisma');
  const pulse = await Pulse.start({ database: postgres.socketUrl(), keep: options.keep });
  say(`Pulse       ${pulse.url} (administration ${pulse.adminUrl})`);
  const prisma = connect({ databaseUrl: postgres.url(), endpoint: pulse.url, apiKey: pulse.apiKey });
  let events = 0;
  try {
    await eventsAsTheyArrive(prisma);
    await stopAndResume(prisma);
    events += await hourlyJob(prisma, postgres, pulse);
    events += await killUnderLoad(prisma, pulse);
  } catch (reason) {
    check(String(reason), false);
    console.log(`\n--- pulse\n${pulse.logTail}`);
  }
  await prisma.$disconnect();

  if (options.keep) {
    heading('Left running');
    say(`database   ${postgres.url()}`);
    say(`endpoint   ${pulse.url}`);
    say(`API key    in ${pulse.keyFile}`);
    say(`admin      PULSE_URL=${pulse.adminUrl} PULSE_ADMIN_TOKEN="$(cat ${join(pulse.dataFolder, 'admin-token')})"`);
    say(`stop       kill ${pulse.process.pid}; kill -INT ${postgres.pid}; rm -r ${pulse.folder} ${postgres.folder}`);
    pulse.release();
    postgres.release();
  } else {
    const { code } = await pulse.terminate();
    check('SIGTERM ends the server in order', code === 0);
    await pulse.remove();
    await postgres.remove();
  }
  return summary(`${events} orders through ten job runs and five kills of the server`);
}

// An open socket of the client, or its timers, must not keep the demo from ending.
process.exit(await main());
