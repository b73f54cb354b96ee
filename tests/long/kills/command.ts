// Kills server, consumers and database as often as wanted and says what came of it. Exit code 1: a promise was broken.
//
//   npm run test:kills -- [--kills N] [--seed N] [--json]
import { parseArgs } from 'node:util';

import { runCommand } from '../command.js';
import { runKills } from './run.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '300' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
await runCommand(values, async (scenario, say) => {
  const figures = await runKills(scenario, Number(values.kills), say);
  const { lost, invented, changed_ids, out_of_order, too_many_again, ...rest } = figures;
  const faults = Object.entries({ lost, invented, changed_ids, out_of_order, too_many_again });
  const counts = Object.fromEntries(faults.map(([name, list]) => [name, list.length]));
  const wrong = faults.flatMap(([name, list]) => list.slice(0, 5).map((one) => `${name}: ${one}`));
  return { figures: { ...rest, ...counts }, wrong };
});
