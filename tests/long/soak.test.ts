// A minute of what script/soak does for as long as it is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scenario } from '../harness/scenario.js';
import { complaints, descriptorGrowthMax, growthMaxMib, runSoak, type SoakFigures } from './soak/run.js';

scenario(
  'a_day_in_a_minute_loses_nothing_and_leaves_memory_and_descriptors_flat',
  async (s) => {
    const figures = await runSoak(s, 1, () => {});
    s.note(JSON.stringify(figures));
    assert.deepEqual(complaints(figures), []);
    assert.ok(figures.committed > 1000);
  },
  { timeoutMs: 400_000 },
);

void test('the_soak_complains_of_what_grows_and_of_what_is_missing', () => {
  const sound: SoakFigures = {
    seed: 1,
    seconds: 60,
    happenings: {},
    committed: 10,
    difference: null,
    redelivered: 0,
    after_warm_up: { memoryMib: 40, descriptors: 50 },
    at_the_end: { memoryMib: 40 + growthMaxMib, descriptors: 50 + descriptorGrowthMax },
    log_bytes: 10,
    log_bytes_max: 10,
  };
  assert.deepEqual(complaints(sound), []);
  const { at_the_end: end } = sound;
  assert.equal(complaints({ ...sound, difference: 'at 3' }).length, 1);
  assert.equal(complaints({ ...sound, log_bytes: 11 }).length, 1);
  assert.equal(complaints({ ...sound, at_the_end: { ...end, memoryMib: end.memoryMib + 1 } }).length, 1);
  assert.equal(complaints({ ...sound, at_the_end: { ...end, descriptors: end.descriptors + 1 } }).length, 1);
});
