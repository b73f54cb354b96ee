// Kills server, consumers and database as often as wanted and says what came of it. Exit code 1: a promise was broken.
//
//   npm run test:kills -- [--kills N] [--seed N] [--json]
import { parseArgs } from 'node:util';

import { Scenario } from '../../harness/scenario.js';
import { runKills } from './run.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '300' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
if (values.seed !== undefined) process.env.PULSE_TEST_SEED = values.seed;

const say = (line: string): void => console.error(line);
const scenario = new Scenario(say);
say(`seed ${scenario.random.seed}`);
try {
  const figures = await runKills(scenario, Number(values.kills), say);
  const { lost, invented, changed_ids, out_of_order, too_many_again, ...rest } = figures;
  const faults = { lost, invented, changed_ids, out_of_order, too_many_again };
  const counts = Object.fromEntries(Object.entries(faults).map(([name, list]) => [name, list.length]));
  for (const [name, list] of Object.entries(faults)) for (const one of list.slice(0, 5)) say(`${name}: ${one}`);
  const result = { ...rest, ...counts };
  if (values.json) console.log(JSON.stringify(result, null, 2));
  else for (const [name, value] of Object.entries(result)) console.log(`${name} ${JSON.stringify(value)}`);
  if (Object.values(faults).some((list) => list.length > 0)) process.exitCode = 1;
} catch (reason) {
  say(`${String(reason)}\n${scenario.report()}`);
  process.exitCode = 1;
} finally {
  await scenario.end();
}
