// What others have made in the database never runs with Pulse's rights, is never adopted, and is said.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { defineModel } from '../harness/model.js';
import { defaultSlot } from '../harness/oracle.js';
import { postgresMajor } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { type Scenario, scenario } from '../harness/scenario.js';
import { setTraps, trapped } from '../harness/traps.js';
import { until } from '../harness/wait.js';

const row = defineModel('Row', 'rows', { id: 'Int', mood: 'String' });
const serverLog = (postgres: Postgres): string => readFileSync(join(postgres.folder, 'log'), 'utf8');
const untilSaid = (pulse: Pulse, why: RegExp): Promise<unknown> =>
  until(`capture to say ${why}`, async () => {
    // Not before it listens.
    const capture = await pulse.capture().catch(() => undefined);
    return capture !== undefined && why.test(capture.problem);
  });

// What the log of PostgreSQL has had since then of traps.
function assertNothingTrapped(postgres: Postgres, since: number): void {
  const lines = serverLog(postgres).slice(since).split('\n');
  const found = lines.filter((line) => line.includes(trapped));
  assert.deepEqual(found, [], lines.slice(-40).join('\n'));
}

// Every way in which Pulse talks to a database, from the first look to leaving it.
async function useAll(s: Scenario, postgres: Postgres, url: string): Promise<void> {
  const since = serverLog(postgres).length;
  const pulse = await s.unstarted({ database: url, env: { PULSE_HEARTBEAT_INTERVAL: '1s' } });
  const examined = await pulse.command(['doctor', '--fix', '--database', url]);
  assert.equal(examined.code, 0, examined.output);
  await pulse.start();
  const reader = await s.consumer(pulse, { model: row, name: 'reader' });
  // A type that the catalog does not know yet.
  await postgres.sql(`CREATE TYPE public.later AS ENUM ('well');
                      ALTER TABLE public.rows ADD COLUMN state public.later;
                      INSERT INTO public.rows VALUES (1, 'glad', 'well')`);
  await reader.untilReceived(1);
  await reader.close();
  await postgres.sql('CREATE TABLE public.copied AS SELECT 1 AS a; ALTER TABLE public.copied REPLICA IDENTITY FULL');
  const again = await s.consumer(pulse, { model: row, name: 'again' });
  await postgres.sql("INSERT INTO public.rows VALUES (2, 'sad')");
  await again.untilReceived(1);
  const listed = await pulse.command(['streams', 'list'], pulse.adminAccess);
  assert.equal(listed.code, 0, listed.output);
  await pulse.terminate();
  const well = await pulse.command(['doctor', '--database', url]);
  assert.equal(well.code, 0, well.output);
  const torn = await pulse.command(['teardown', '--yes', '--database', url]);
  assert.equal(torn.code, 0, torn.output);
  assertNothingTrapped(postgres, since);
}

const table = `CREATE TABLE public.rows (id int PRIMARY KEY, mood text)`;

scenario('no_function_operator_type_or_view_of_others_runs_whatever_the_search_path_says', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const { functions, operators } = await setTraps(postgres, 'evil');
  s.note(`${functions} functions, ${operators} operators`);
  assert.ok(functions > 30 && operators > 8);
  await postgres.sql(`ALTER DATABASE postgres SET search_path = evil, pg_catalog, public;
                      ALTER ROLE postgres SET search_path = evil, pg_catalog, public`);
  // They are traps: whoever looks there falls in.
  await assert.rejects(postgres.sql(`SELECT 'a'::pg_catalog.text || 1::pg_catalog.oid`), new RegExp(trapped));
  await useAll(s, postgres, `${postgres.socketUrl()}&options=${encodeURIComponent('-csearch_path=evil,pg_catalog')}`);
});

scenario('nothing_of_others_runs_by_the_default_search_path_either', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  // "$user", public: a schema that is called like the role comes first.
  await setTraps(postgres, 'postgres');
  await useAll(s, postgres, postgres.socketUrl());
});

scenario('nothing_of_others_runs_with_the_rights_of_a_role_that_is_no_superuser', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`CREATE ROLE pulse LOGIN REPLICATION; GRANT CREATE ON DATABASE postgres TO pulse;
                      ${table}; ALTER TABLE public.rows OWNER TO pulse`);
  await setTraps(postgres, 'evil');
  await postgres.sql('ALTER ROLE pulse IN DATABASE postgres SET search_path = evil, pg_catalog, public');
  await useAll(s, postgres, postgres.socketUrl('postgres', 'pulse'));
});

// All that a role, a database and the environment can set otherwise.
scenario('settings_of_role_database_and_environment_change_neither_values_nor_setup', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`${table}; ALTER TABLE public.rows ADD at timestamptz, ADD span interval, ADD raw bytea, ADD real float8;
    CREATE ROLE weak; CREATE ROLE pulse SUPERUSER LOGIN; GRANT weak TO pulse;
    ALTER ROLE pulse SET role = 'weak';
    ALTER ROLE pulse SET default_transaction_read_only = on;
    ALTER ROLE pulse SET default_transaction_isolation = 'serializable';
    ALTER ROLE pulse SET lock_timeout = '1ms';
    ALTER ROLE pulse SET search_path = nowhere;
    ALTER DATABASE postgres SET DateStyle = 'German';
    ALTER DATABASE postgres SET IntervalStyle = 'sql_standard';
    ALTER DATABASE postgres SET bytea_output = 'escape';
    ALTER DATABASE postgres SET extra_float_digits = '-10';
    ALTER DATABASE postgres SET TimeZone = 'Asia/Tokyo'`);
  const url = postgres.socketUrl('postgres', 'pulse');
  const pulse = await s.pulse({ database: url, env: { PGTZ: 'America/Lima', PGDATESTYLE: 'SQL' } });
  const full = defineModel('Row', 'rows', { id: 'Int', at: 'DateTime', raw: 'Bytes', real: 'Float' });
  const reader = await s.consumer(pulse, { model: full, name: 'reader' });
  await postgres.sql(`SET search_path = pg_catalog;
    INSERT INTO public.rows VALUES (1, 'x', '2026-02-03 04:05:06.789+00', '1 day', '\\x00ff', 0.1234567890123456)`);
  await reader.untilReceived(1);
  assert.deepEqual(reader.frames[0]?.created, {
    id: 1,
    at: { $type: 'DateTime', value: '2026-02-03T04:05:06.789Z' },
    raw: { $type: 'Bytes', value: 'AP8=' },
    real: 0.1234567890123456,
  });
});

scenario('a_proxy_that_drops_the_settings_is_refused_and_nothing_is_asked_through_it', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  await setTraps(postgres, 'evil');
  await postgres.sql('ALTER ROLE postgres SET search_path = evil, pg_catalog');
  const proxy = await s.proxy(postgres.port);
  // As PgBouncer does with ignore_startup_parameters = options. The name stays a valid one, of the same length.
  proxy.changeStartup = (message) => {
    const at = message.indexOf('\0options\0');
    if (at < 0) return message;
    const end = message.indexOf(0, at + '\0options\0'.length);
    const kept = Buffer.concat([message.subarray(0, at), message.subarray(end)]);
    kept.writeUInt32BE(kept.length);
    return kept;
  };
  await proxy.open();
  const url = `postgresql://postgres@127.0.0.1:${proxy.port}/postgres`;
  const since = serverLog(postgres).length;
  const pulse = await s.unstarted({ database: url });
  const examined = await pulse.command(['doctor', '--database', url]);
  assert.equal(examined.code, 1);
  assert.match(examined.output, /search_path is 'evil, pg_catalog' instead of 'pg_catalog'/);
  assert.match(examined.output, /directUrl/);
  pulse.launch();
  await untilSaid(pulse, /search_path/);
  assertNothingTrapped(postgres, since);
});

const seize = `CREATE ROLE mallory LOGIN; GRANT CREATE ON DATABASE postgres TO mallory`;
const stolen = `SET ROLE mallory; CREATE SCHEMA "pulse_default.ddl";
  CREATE FUNCTION "pulse_default.ddl".note() RETURNS event_trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION '${trapped} as %', current_user; END $$; RESET ROLE`;

scenario('a_schema_and_a_function_that_somebody_else_made_before_are_refused_until_they_are_gone', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`${table}; ${seize}; ${stolen}`);
  const url = postgres.socketUrl();
  const pulse = await s.unstarted({ database: url });
  const examined = await pulse.command(['doctor', '--database', url]);
  assert.equal(examined.code, 1, examined.output);
  assert.match(examined.output, /schema "pulse_default\.ddl" belongs to role mallory/);
  assert.match(examined.output, /function "pulse_default\.ddl"\.note\(\) belongs to role mallory/);
  pulse.launch();
  await untilSaid(pulse, /schema "pulse_default\.ddl" belongs to role mallory/);
  assert.deepEqual((await postgres.sql('SELECT 1 FROM pg_event_trigger')).rows, []);
  await postgres.sql('CREATE TABLE public.by_superuser (id int PRIMARY KEY)');
  // It goes on by itself.
  await postgres.sql('DROP SCHEMA "pulse_default.ddl" CASCADE');
  await pulse.capturing(60_000);
  assertNothingTrapped(postgres, 0);
});

scenario('what_somebody_makes_between_the_look_and_the_setup_is_not_adopted', async (s) => {
  const postgres = await s.postgres();
  // Right after Pulse's publications, which come behind the look for what others own.
  await postgres.sql(`${table}; ${seize};
    CREATE FUNCTION public.be_quick() RETURNS event_trigger LANGUAGE plpgsql AS $f$
    BEGIN
      IF pg_catalog.to_regnamespace('"pulse_default.ddl"') IS NULL THEN
        CREATE SCHEMA "pulse_default.ddl" AUTHORIZATION mallory;
        CREATE FUNCTION "pulse_default.ddl".note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
        ALTER FUNCTION "pulse_default.ddl".note() OWNER TO mallory;
      END IF;
    END $f$;
    CREATE EVENT TRIGGER be_quick ON ddl_command_end WHEN TAG IN ('CREATE PUBLICATION') EXECUTE FUNCTION public.be_quick()`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  const { rows } = await postgres.sql(`SELECT e.evtname, p.proowner::regrole::text AS owner FROM pg_event_trigger e
    JOIN pg_proc p ON p.oid = e.evtfoid WHERE e.evtname LIKE 'pulse%'`);
  assert.deepEqual(rows, []);
  assert.match(pulse.logTail, /event triggers were not created.*belongs to role mallory/);
});

scenario('an_event_trigger_that_runs_a_function_of_somebody_else_is_dropped_at_the_next_start', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`${table}; ${seize}`);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await pulse.terminate();
  // As an installation was that had adopted both.
  await postgres.sql(
    `ALTER SCHEMA "pulse_default.ddl" OWNER TO mallory; ALTER FUNCTION "pulse_default.ddl".note() OWNER TO mallory`,
  );
  pulse.launch();
  await untilSaid(pulse, /belongs to role mallory/);
  assert.deepEqual((await postgres.sql('SELECT 1 FROM pg_event_trigger')).rows, []);
});

scenario('teardown_leaves_what_others_have_in_a_schema_of_that_name', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(table);
  const pulse = await s.pulse({ database: postgres.socketUrl() });
  await postgres.sql('CREATE TABLE "pulse_default.ddl".theirs (id int PRIMARY KEY)');
  await pulse.terminate();
  const torn = await pulse.command(['teardown', '--yes', '--database', postgres.socketUrl()]);
  assert.equal(torn.code, 0, torn.output);
  assert.match(torn.output, /left the schema pulse_default\.ddl/);
  await postgres.sql('SELECT * FROM "pulse_default.ddl".theirs');
  const { rows } = await postgres.sql(`SELECT 1 FROM pg_event_trigger UNION ALL SELECT 1 FROM pg_publication
    UNION ALL SELECT 1 FROM pg_replication_slots UNION ALL SELECT 1 FROM pg_proc WHERE proname = 'note'`);
  assert.deepEqual(rows, []);
});

scenario('a_publication_of_pulses_name_that_somebody_else_made_is_refused', async (s) => {
  const postgres = await s.postgres();
  await postgres.sql(`${table}; ${seize}; CREATE TABLE theirs (id int PRIMARY KEY); ALTER TABLE theirs OWNER TO mallory;
                      SET ROLE mallory; CREATE PUBLICATION ${defaultSlot} FOR TABLE theirs; RESET ROLE`);
  const url = postgres.socketUrl();
  const pulse = await s.unstarted({ database: url });
  const examined = await pulse.command(['doctor', '--database', url]);
  assert.equal(examined.code, 1, examined.output);
  assert.match(examined.output, new RegExp(`publication ${defaultSlot} belongs to role mallory`));
  pulse.launch();
  await untilSaid(pulse, new RegExp(`publication ${defaultSlot} belongs to role mallory`));
  await postgres.sql(`DROP PUBLICATION ${defaultSlot}`);
  await pulse.capturing(60_000);
});

if (postgresMajor >= 15) {
  scenario('a_publication_of_pulses_name_that_leaves_rows_or_columns_out_is_refused', async (s) => {
    const postgres = await s.postgres();
    await postgres.sql(`${table}; CREATE TABLE public.other (id int PRIMARY KEY, secret text);
                        CREATE PUBLICATION ${defaultSlot} FOR TABLE public.rows WHERE (id > 5), public.other (id)`);
    const url = postgres.socketUrl();
    const pulse = await s.unstarted({ database: url });
    const examined = await pulse.command(['doctor', '--database', url]);
    assert.equal(examined.code, 1, examined.output);
    assert.match(examined.output, /row filter for table public\.rows/);
    assert.match(examined.output, /list of columns for table public\.other/);
    pulse.launch();
    await untilSaid(pulse, /row filter for table public\.rows/);
  });
}
