// Run by script/soak, which says how.
import { parseArgs } from 'node:util';

import { runCommand } from '../command.js';
import { complaints, runSoak } from './run.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
await runCommand(values, async (scenario, say) => {
  const figures = await runSoak(scenario, Number(values.minutes), say);
  return { figures, wrong: complaints(figures) };
});
