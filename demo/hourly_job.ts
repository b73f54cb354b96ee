// A job that is started now and then: takes what has happened since its last run, and ends when nothing more has come
// for a while. A named stream keeps its place between the runs.
//
// Environment: DATABASE_URL, PULSE_ENDPOINT, PULSE_API_KEY, IDLE_MS. Prints the orders' numbers, one a line.
import { connect } from './application.js';

const prisma = connect({
  databaseUrl: process.env.DATABASE_URL ?? '',
  endpoint: process.env.PULSE_ENDPOINT ?? 'ws://127.0.0.1:7857',
  apiKey: process.env.PULSE_API_KEY ?? '',
});
const idleMs = Number(process.env.IDLE_MS ?? 2000);

const stream = await prisma.order.stream({ name: 'hourly-job' });
let idle = setTimeout(() => stream.stop(), idleMs);
for await (const event of stream) {
  clearTimeout(idle);
  if (event.action === 'create') console.log(event.created.id);
  // Asking for the next event acknowledges this one, so the job may end while it waits.
  idle = setTimeout(() => stream.stop(), idleMs);
}
await prisma.$disconnect();
