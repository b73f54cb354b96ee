// An application that has a wrong key: prints what its client throws, for subscribe() and for stream().
//   node refused.js VERSION MODULES ENDPOINT
import { type ExtensionVersion, endpointOf, extend, loadPackages, type Modules } from './packages.js';

const [version, modules, url] = process.argv.slice(2) as [ExtensionVersion, Modules, string];
const { connect, extension } = await loadPackages(modules);
// Nothing is asked of the database.
const prisma = extend(connect('postgresql://nobody@127.0.0.1:1/none'), await extension(version), {
  apiKey: 'not-the-key-0123456789',
  endpoint: endpointOf(version, url),
});
const openings = [
  prisma.writer.subscribe(),
  ...(version === '1.0.2' ? [] : [prisma.writer.stream({ name: 'refused' })]),
];
const refusals = openings.map((opening) =>
  (opening as Promise<unknown>).then(
    () => 'opened',
    ({ name, code }: { name: string; code: string }) => ({ name, code }),
  ),
);
process.stdout.write(JSON.stringify(await Promise.all(refusals)), () => process.exit(0));
