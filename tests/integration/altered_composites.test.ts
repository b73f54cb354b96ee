// Values of composite types whose attributes change while rows are written: under the names of their own time.
import assert from 'node:assert/strict';

import { NativeConsumer } from '../harness/native.js';
import { scenario } from '../harness/scenario.js';

scenario(
  'values_of_a_composite_that_is_altered_have_the_names_of_their_time',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`CREATE TYPE address AS (street text, city text);
      CREATE DOMAIN checked AS address; CREATE TYPE office AS (at address, floor int);
      CREATE TABLE people (id int PRIMARY KEY, home address, all_of_them address[], domain checked, office office)`);
    const pulse = await s.pulse({ database: postgres.socketUrl() });
    const reader = await NativeConsumer.open(s, pulse, { table: 'people', name: 'reader' });
    const insert = async (id: number): Promise<void> => {
      await postgres.sql(`INSERT INTO people VALUES (${id}, '(a,b)', '{"(a,b)"}', '(a,b)', '("(a,b)",1)')`);
      await reader.untilReceived(id);
    };
    // The same number of attributes each time, so that nothing but the names can tell.
    await insert(1);
    await postgres.sql('ALTER TYPE address DROP ATTRIBUTE street');
    await postgres.sql('ALTER TYPE address ADD ATTRIBUTE zip text');
    await insert(2);
    await postgres.sql('ALTER TYPE address RENAME ATTRIBUTE zip TO code');
    await insert(3);
    const named = (first: string, second: string): object => {
      const one = { [first]: 'a', [second]: 'b' };
      return { home: one, all_of_them: [one], domain: one, office: { at: one, floor: 1 } };
    };
    const rows = reader.texts.map((text) => (JSON.parse(text) as { after: object }).after);
    assert.deepEqual(rows, [
      { id: 1, ...named('street', 'city') },
      { id: 2, ...named('city', 'zip') },
      { id: 3, ...named('city', 'code') },
    ]);
  },
  { from: 14 }, // the first to which the triggers' messages come
);
