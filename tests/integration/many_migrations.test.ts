// Migrations in a row among many tables: each costs what it touches, not what there is. How far capture is behind at the
// end is printed; `PULSE_TEST_MIGRATIONS=200 PULSE_TEST_TABLES=4000` is the long form.
import assert from 'node:assert/strict';

import type pg from 'pg';

import { type Consumer, rowOf } from '../harness/consumer.js';
import { defineModel, type Model } from '../harness/model.js';
import type { Postgres } from '../harness/postgres.js';
import type { Pulse } from '../harness/pulse.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';

const tables = Number(process.env.PULSE_TEST_TABLES ?? 500);
const migrations = Number(process.env.PULSE_TEST_MIGRATIONS ?? 40);

// What `prisma migrate reset` sends (6.19, log_statement = all) for two models, their enum and the table of its own: each
// statement by itself.
const reset = `
  DROP SCHEMA IF EXISTS "app" CASCADE;
  CREATE SCHEMA "app";
  CREATE TABLE "app"."_prisma_migrations" (
    id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0);
  INSERT INTO "app"."_prisma_migrations" ("id", "checksum", "started_at", "migration_name") VALUES ('1', '1', now(), '1_init');
  CREATE SCHEMA IF NOT EXISTS "app";
  CREATE TYPE "app"."Role" AS ENUM ('USER', 'ADMIN');
  CREATE TABLE "app"."User" ("id" SERIAL NOT NULL, "role" "app"."Role" NOT NULL DEFAULT 'USER',
    CONSTRAINT "User_pkey" PRIMARY KEY ("id"));
  CREATE TABLE "app"."Post" ("id" INTEGER NOT NULL, "title" TEXT, "authorId" INTEGER,
    CONSTRAINT "Post_pkey" PRIMARY KEY ("id"));
  CREATE UNIQUE INDEX "Post_title_key" ON "app"."Post"("title");
  ALTER TABLE "app"."Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "app"."User"("id")
    ON DELETE SET NULL ON UPDATE CASCADE;
  UPDATE "app"."_prisma_migrations" SET "applied_steps_count" = "applied_steps_count" + 1 WHERE "id" = '1';
  UPDATE "app"."_prisma_migrations" SET "finished_at" = now() WHERE "id" = '1'`;

// What `prisma db push --accept-data-loss` sends when a label of the enum has another name, a column is new, another has
// another type, and with them the primary key is made anew.
const push = `
  BEGIN;
  CREATE TYPE "app"."Role_new" AS ENUM ('USER', 'GUEST');
  ALTER TABLE "app"."User" ALTER COLUMN "role" DROP DEFAULT;
  ALTER TABLE "app"."User" ALTER COLUMN "role" TYPE "app"."Role_new" USING ("role"::text::"app"."Role_new");
  ALTER TYPE "app"."Role" RENAME TO "Role_old";
  ALTER TYPE "app"."Role_new" RENAME TO "Role";
  DROP TYPE "app"."Role_old";
  ALTER TABLE "app"."User" ALTER COLUMN "role" SET DEFAULT 'USER';
  COMMIT;
  DROP INDEX "app"."Post_title_key";
  ALTER TABLE "app"."Post" DROP CONSTRAINT "Post_pkey",
    ADD COLUMN "views" BIGINT NOT NULL DEFAULT 0,
    ALTER COLUMN "title" SET DATA TYPE VARCHAR(80),
    ADD CONSTRAINT "Post_pkey" PRIMARY KEY ("id");
  ALTER TABLE "app"."User" ADD COLUMN "note" TEXT;
  ALTER TABLE "app"."User" DROP COLUMN "note"`;

const swap = `
  CREATE TABLE "app"."Post_new" (LIKE "app"."Post" INCLUDING ALL);
  BEGIN;
  INSERT INTO "app"."Post_new" SELECT * FROM "app"."Post";
  ALTER TABLE "app"."Post" RENAME TO "Post_old";
  ALTER TABLE "app"."Post_new" RENAME TO "Post";
  DROP TABLE "app"."Post_old";
  COMMIT`;

// As pg_repack does it: a copy that takes the table's place under a lock, in one transaction; and new files for a table
// that stays the same.
const repack = `
  BEGIN;
  CREATE SCHEMA "repack";
  CREATE TABLE "repack"."table_1" AS SELECT * FROM "app"."Post";
  ALTER TABLE "repack"."table_1" ADD PRIMARY KEY ("id");
  LOCK TABLE "app"."Post" IN ACCESS EXCLUSIVE MODE;
  DROP TABLE "app"."Post";
  ALTER TABLE "repack"."table_1" SET SCHEMA "app";
  ALTER TABLE "app"."table_1" RENAME TO "Post";
  DROP SCHEMA "repack";
  COMMIT;
  CLUSTER "app"."User" USING "User_pkey"`;

const kinds = [reset, push, swap, repack];

async function runEach(client: pg.Client, statements: string): Promise<void> {
  for (const one of statements.split(/;\s*\n/)) await client.query(one);
}

async function makeTables(postgres: Postgres): Promise<void> {
  // In portions: a transaction holds a lock on each.
  for (let first = 0; first < tables; first += 500) {
    await postgres.sql(`DO $$ BEGIN FOR n IN ${first}..${Math.min(first + 500, tables) - 1} LOOP
      EXECUTE format('CREATE TABLE other_%s (id int PRIMARY KEY, a text, b text, c timestamptz, d numeric)', n);
    END LOOP; END $$`);
  }
}

async function catalogReads(pulse: Pulse): Promise<{ whole: number; rows: number }> {
  const whole = await pulse.metric('pulse_catalog_reads_total', { what: 'whole' });
  return { whole, rows: await pulse.metric('pulse_catalog_rows_read_total') };
}

const ids = (consumer: Consumer): unknown[] => consumer.frames.map((frame) => rowOf(frame).id);
const model = (table: string, schema: string): Model => defineModel(table, table, { id: 'Int' }, schema);

scenario(
  'migrations_in_a_row_read_what_they_touch_and_lose_nothing',
  async (s) => {
    const postgres = await s.postgres({ settings: { max_locks_per_transaction: '1000' } });
    await makeTables(postgres);
    await postgres.sql(`CREATE TABLE steady (id int PRIMARY KEY); ${reset}`);
    // Listing thousands of tables takes its time.
    const pulse = await s.unstarted({ database: postgres.socketUrl() });
    pulse.launch();
    await pulse.ready(300_000);
    await pulse.capturing(300_000);
    const steady = await s.consumer(pulse, { model: model('steady', 'public'), name: 'reader' });
    const users = await s.consumer(pulse, { model: model('User', 'app'), name: 'reader' });
    const posts = await s.consumer(pulse, { model: model('Post', 'app'), name: 'reader' });
    const before = await catalogReads(pulse);
    const began = Date.now();
    const written: number[] = [];
    const client = await postgres.connect();
    for (let n = 1; n <= migrations; n++) {
      await runEach(client, kinds[n % kinds.length] as string);
      await client.query(
        `INSERT INTO app."User" (id) VALUES (${n}); INSERT INTO app."Post" (id) VALUES (${n}); INSERT INTO steady VALUES (${n})`,
      );
      written.push(n);
    }
    await client.end();
    const migrated = Date.now();
    const behind = async (consumer: Consumer): Promise<number> => {
      await until(`row ${migrations}`, () => ids(consumer).includes(migrations), { timeoutMs: 120_000 });
      return Date.now() - migrated;
    };
    const late = await Promise.all([steady, users].map(behind));
    assert.deepEqual(ids(steady), written);
    assert.deepEqual(ids(users), written);
    // A copy that has taken the table's name before capture reads of it counts as the table.
    await behind(posts);
    assert.deepEqual(
      [...new Set(ids(posts) as number[])].sort((a, b) => a - b),
      written,
    );
    const after = await catalogReads(pulse);
    s.note(
      `${migrations} migrations among ${tables} tables took ${migrated - began} ms; behind by ${Math.max(...late)} ms; ` +
        `${after.rows - before.rows} catalog rows read`,
    );
    assert.equal(after.whole, before.whole, 'the catalog was not read whole');
    assert.ok(after.rows - before.rows <= migrations * 400, `${after.rows - before.rows} rows`);

    // What is known by now is what is stored.
    await pulse.kill();
    await postgres.sql('INSERT INTO app."User" (id) VALUES (0)');
    await pulse.start();
    const again = await s.consumer(pulse, { model: model('User', 'app'), name: 'reader' });
    await again.untilReceived(1);
    assert.equal(ids(again).at(-1), 0);
  },
  { timeoutMs: 1_800_000 },
);
