// What `pulse doctor` finds before it hurts, and that its SQL mends it.
import assert from 'node:assert/strict';

import type { Postgres } from '../harness/postgres.js';
import { type Scenario, scenario } from '../harness/scenario.js';

interface Finding {
  level: 'ok' | 'warning' | 'failure';
  what: string;
  why: string;
  sql: string;
}

// What is not well, of the tables.
async function examine(s: Scenario, postgres: Postgres, ...options: string[]): Promise<Finding[]> {
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  const { output } = await pulse.command(['doctor', '--json', '--database', postgres.socketUrl(), ...options]);
  const [{ findings }] = JSON.parse(output) as [{ findings: Finding[] }];
  return findings.filter(({ level, what }) => level !== 'ok' && /table/.test(what));
}

scenario(
  'partitions_that_lack_the_full_identity_of_their_table_are_found',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`
    CREATE TABLE parts (id int PRIMARY KEY, text text) PARTITION BY RANGE (id);
    CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE "Parts High" PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
    CREATE TABLE parts_rest PARTITION OF "Parts High" DEFAULT;
    CREATE TABLE other (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE other_all PARTITION OF other DEFAULT;
    ALTER TABLE parts REPLICA IDENTITY FULL`);
    const found = await examine(s, postgres);
    assert.deepEqual(
      found.map(({ level, what }) => [level, what]),
      [['warning', 'table public.parts has REPLICA IDENTITY FULL, and 2 of its partitions have not']],
    );
    await postgres.sql(found[0]?.sql ?? '');
    assert.deepEqual(await examine(s, postgres), []);
  },
  { from: 13 },
);

// PostgreSQL refuses an UPDATE whose old row could not be told apart: what doctor calls a failure must fail, and what it
// does not must not.
async function fails(postgres: Postgres, table: string): Promise<boolean> {
  return postgres.sql(`UPDATE ${table} SET other = 'x'; DELETE FROM ${table} WHERE other = 'x'`).then(
    () => false,
    (reason: unknown) => {
      assert.match(String(reason), /cannot update table/);
      return true;
    },
  );
}

scenario(
  'an_own_publication_that_does_not_send_a_replica_identity_is_found',
  async (s) => {
    const postgres = await s.postgres();
    const tables = ['listed_key', 'listed_without_key', 'listed_full', 'indexed', '"Full"'];
    await postgres.sql(`
    ${tables.map((name) => `CREATE TABLE ${name} (id int PRIMARY KEY, code int NOT NULL, other text);`).join('')}
    ALTER TABLE listed_full REPLICA IDENTITY FULL;
    ALTER TABLE "Full" REPLICA IDENTITY FULL;
    CREATE UNIQUE INDEX codes ON indexed (code); ALTER TABLE indexed REPLICA IDENTITY USING INDEX codes;
    CREATE PUBLICATION own FOR TABLE listed_key (id, other), listed_without_key (other), listed_full (id, code, other),
      indexed (id, other), "Full";
    CREATE PUBLICATION inserts FOR TABLE listed_without_key (other) WITH (publish = 'insert')`);
    for (const table of tables) await postgres.sql(`INSERT INTO ${table} VALUES (1, 1, 'a')`).catch(() => {});
    const found = await examine(s, postgres, '--publication', 'own');
    assert.deepEqual(
      found.map(({ level, what, why }) => [level, /table (\S+)$/.exec(what)?.[1], why.split('; ')[1]]),
      [
        ['failure', 'public.indexed', 'the list of its columns lacks code'],
        [
          'failure',
          'public.listed_full',
          'REPLICA IDENTITY FULL takes no list of columns: publish the table without one, or give it an identity of fewer columns',
        ],
        ['failure', 'public.listed_without_key', 'the list of its columns lacks id'],
      ],
    );
    for (const table of tables) {
      const told = found.some(({ what }) => what.endsWith(` public.${table}`));
      assert.equal(await fails(postgres, table), told, table);
    }
    assert.deepEqual(await examine(s, postgres, '--publication', 'inserts'), []);
  },
  { from: 15 },
);

scenario(
  'an_own_publication_without_the_generated_columns_of_a_full_identity_is_found',
  async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`
    CREATE TABLE doubled (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, other text);
    ALTER TABLE doubled REPLICA IDENTITY FULL;
    INSERT INTO doubled (id) VALUES (1), (2);
    CREATE PUBLICATION own FOR ALL TABLES`);
    const [found, ...others] = await examine(s, postgres, '--publication', 'own');
    assert.deepEqual(others, []);
    assert.match(found?.why ?? '', /the publication sends no generated columns, and the identity has twice/);
    assert.ok(await fails(postgres, 'doubled'));
    await postgres.sql(found?.sql ?? '');
    assert.deepEqual(await examine(s, postgres, '--publication', 'own'), []);
    assert.ok(!(await fails(postgres, 'doubled')));
  },
  { from: 18 },
);

scenario('doctor_tells_of_encodings_and_finds_names_that_are_not_utf8', async (s) => {
  const postgres = await s.postgres();
  const [odd, japanese] = ['sql_ascii', 'euc_jp'];
  await postgres.createDatabase(odd, 'SQL_ASCII');
  await postgres.createDatabase(japanese, 'EUC_JP');
  await postgres.sql(
    `CREATE TABLE "prüfung" (id int PRIMARY KEY);
     DO $$ BEGIN EXECUTE pg_catalog.format('CREATE TABLE %I (id int PRIMARY KEY)', E'caf\\xe9'); END $$;
     DO $$ BEGIN EXECUTE pg_catalog.format('CREATE TYPE mood AS ENUM (%L)', E'gl\\xfccklich'); END $$`,
    odd,
  );
  const examine = async (database: string): Promise<string[]> => {
    const pulse = await s.unstarted({ database: postgres.socketUrl(database) });
    const { output } = await pulse.command(['doctor', '--json', '--database', postgres.socketUrl(database)]);
    const [{ findings }] = JSON.parse(output) as [{ findings: { level: string; what: string; why: string }[] }];
    return findings
      .filter(({ what }) => /encoding|UTF-8/.test(what))
      .map(({ level, what, why }) => `${level}: ${what}: ${why.slice(0, 30)}`.replace(/OID \d+/, 'OID'));
  };
  assert.deepEqual(await examine('postgres'), ["ok: the database's encoding is UTF8: "]);
  assert.deepEqual(await examine(japanese), [
    "warning: the database's encoding is EUC_JP: PostgreSQL cannot send a chara",
  ]);
  assert.deepEqual((await examine(odd)).sort(), [
    'warning: name is not valid UTF-8: label of the enum with the OID: gl\uFFFDcklich: PostgreSQL cannot send a chang',
    'warning: name is not valid UTF-8: table caf\uFFFD (OID): PostgreSQL cannot send a chang',
    "warning: the database's encoding is SQL_ASCII: PostgreSQL does not check text",
  ]);
});

scenario('doctor_says_when_slots_and_wal_senders_are_nearly_used_up', async (s) => {
  const postgres = await s.postgres({ settings: { max_replication_slots: '3', max_wal_senders: '3' } });
  const pulse = await s.unstarted({ database: postgres.socketUrl() });
  const examine = async (): Promise<{ code: number | null; found: string[]; sql: string[] }> => {
    const { code, output } = await pulse.command(['doctor', '--json', '--database', postgres.socketUrl()]);
    const [{ findings }] = JSON.parse(output) as [{ findings: Finding[] }];
    const found = findings.filter(({ what }) => /replication slots|WAL senders/.test(what));
    return { code, found: found.map(({ level, what }) => `${level}: ${what}`), sql: found.map(({ sql }) => sql) };
  };
  const slot = (name: string): Promise<unknown> =>
    postgres.sql(`SELECT pg_create_physical_replication_slot('${name}')`);
  assert.deepEqual((await examine()).found, [
    'ok: 0 of 3 replication slots are in use',
    'ok: 0 of 3 WAL senders are in use',
  ]);
  await slot('standby_1');
  await pulse.start();
  const nearly = await examine();
  assert.equal(nearly.code, 0);
  assert.deepEqual(nearly.found, [
    'warning: 2 of 3 replication slots are in use: 1 is left',
    'ok: 1 of 3 WAL senders are in use',
  ]);
  await slot('standby_2');
  assert.match((await examine()).found[0] ?? '', /^warning: 3 of 3 .*: none is left$/);
  await pulse.terminate();
  await postgres.sql(`SELECT pg_drop_replication_slot('pulse_default')`);
  assert.match((await examine()).found[0] ?? '', /^warning: 2 of 3 .* and Pulse takes one more: none is left$/);
  await slot('standby_3');
  const full = await examine();
  assert.equal(full.code, 1);
  assert.match(full.found[0] ?? '', /^failure: all 3 replication slots are in use$/);

  await postgres.sql(full.sql[0] ?? '');
  await postgres.stop();
  await postgres.start();
  const mended = await examine();
  assert.equal(mended.code, 0);
  assert.match(mended.found[0] ?? '', /^ok: 3 of 7 /);
});
