// A long run as a command: it says how it goes on standard error, and what came of it on standard output. Exit code 1: a
// promise was broken.
import { Scenario } from '../harness/scenario.js';

export async function runCommand(
  { seed, json }: { seed?: string | undefined; json: boolean },
  run: (scenario: Scenario, say: (line: string) => void) => Promise<{ figures: object; wrong: string[] }>,
): Promise<void> {
  if (seed !== undefined) process.env.PULSE_TEST_SEED = seed;
  const say = (line: string): void => console.error(line);
  const scenario = new Scenario(say);
  say(`seed ${scenario.random.seed}`);
  try {
    const { figures, wrong } = await run(scenario, say);
    if (json) console.log(JSON.stringify(figures, null, 2));
    else for (const [name, value] of Object.entries(figures)) console.log(`${name} ${JSON.stringify(value)}`);
    for (const one of wrong) say(one);
    if (wrong.length > 0) process.exitCode = 1;
  } catch (reason) {
    say(`${String(reason)}\n${scenario.report()}`);
    process.exitCode = 1;
  } finally {
    await scenario.end();
  }
}
