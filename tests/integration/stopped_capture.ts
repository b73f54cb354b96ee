// Capture that stands at a change which PostgreSQL cannot send, and how it is passed.
import assert from 'node:assert/strict';

import type { Gap, Pulse } from '../harness/pulse.js';
import { until } from '../harness/wait.js';

export interface Place {
  lsn: string;
  problem: string;
}

// Capture stands, for good, at a change, and says how to pass it.
export async function stopped(pulse: Pulse): Promise<Place> {
  return until('capture to stop at a change that PostgreSQL cannot send', async () => {
    const { state, problem } = await pulse.capture();
    const lsn = /`pulse gaps skip --project default ([0-9A-F]+\/[0-9A-F]+)`/.exec(problem)?.[1];
    return state === 'stopped' && lsn !== undefined && { lsn, problem };
  });
}

export const skip = (pulse: Pulse, lsn: string): Promise<{ code: number | null; output: string }> =>
  pulse.command(['gaps', 'skip', '--project', 'default', lsn, '--json'], pulse.adminAccess);

export async function passes(pulse: Pulse, { lsn }: Place): Promise<Gap> {
  const done = await skip(pulse, lsn);
  assert.equal(done.code, 0, done.output);
  const gap = JSON.parse(done.output) as Gap;
  assert.equal(gap.kind, 'skipped');
  assert.notEqual(gap.through, null);
  await until('capture to go on', async () => (await pulse.capture()).progressing);
  return gap;
}
