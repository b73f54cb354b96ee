// An application of its own: the published client on the named stream of one table, for as long as it is let. It is
// run by ../harness/consumer_process.ts.
//   node writer_loop.js ENDPOINT NAME FILE    with PULSE_API_KEY in the environment
// Each event that its loop body has in hand becomes a line of FILE: id, row, and when, by the machine's clock that
// never steps.
import { openSync, writeSync } from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';

import { PrismaPg } from '@prisma/adapter-pg';
import { type PulseSubscription, withPulse } from '@prisma/extension-pulse';
import { PrismaClient } from '#prisma/client';

const [endpoint = '', name = '', file = ''] = process.argv.slice(2);
const log = openSync(file, 'a');

// Nothing is asked of the database: it may be away.
const adapter = new PrismaPg({ connectionString: 'postgresql://nobody@127.0.0.1:1/none' });
const apiKey = process.env.PULSE_API_KEY ?? '';
const prisma = new PrismaClient({ adapter }).$extends(withPulse({ apiKey, endpoint }));

let stopping = false;
// biome-ignore lint/suspicious/noExplicitAny: the published types' own constraint
let stream: PulseSubscription<any> | undefined;
process.on('SIGTERM', () => {
  stopping = true;
  stream?.stop();
});

while (!stopping) {
  try {
    const opened = await prisma.writer.stream({ name, create: {} });
    stream = opened;
    if (stopping) stream.stop();
    for await (const event of opened) {
      writeSync(log, `${event.id} ${event.created.id} ${process.hrtime.bigint()}\n`);
      // Work that waits for something: what the client has buffered is not all dealt with in one go.
      await setImmediate();
    }
  } catch (reason) {
    console.error(String(reason));
    // The client's iterator ends when it is refused once: an application opens the stream again.
    await setTimeout(100);
  }
}
process.exit(0);
