// Run by script/soak, which says how.
import { parseArgs } from 'node:util';

import { Scenario } from '../../harness/scenario.js';
import { complaints, runSoak } from './run.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
if (values.seed !== undefined) process.env.PULSE_TEST_SEED = values.seed;

const say = (line: string): void => console.error(line);
const scenario = new Scenario(say);
say(`seed ${scenario.random.seed}`);
try {
  const figures = await runSoak(scenario, Number(values.minutes), say);
  if (values.json) console.log(JSON.stringify(figures, null, 2));
  else for (const [name, value] of Object.entries(figures)) console.log(`${name} ${JSON.stringify(value)}`);
  const wrong = complaints(figures);
  for (const one of wrong) say(one);
  if (wrong.length > 0) process.exitCode = 1;
} catch (reason) {
  say(`${String(reason)}\n${scenario.report()}`);
  process.exitCode = 1;
} finally {
  await scenario.end();
}
