// What Pulse captures, held to what PostgreSQL itself says was committed: random histories of rows, definitions and
// publications, made by several sessions, read by Pulse and by the plug-in test_decoding from the same point on. Both
// must tell the same changes at the same places in the same order, and what Pulse tells, applied to an empty copy, must
// make it equal to the original.
//
// PULSE_TEST_SEED is the first seed, PULSE_TEST_SEEDS how many follow each other; a seed that fails leaves its
// statements and both lists in build/oracle.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../harness/paths.js';
import type { Postgres } from '../harness/postgres.js';
import { Pulse } from '../harness/pulse.js';
import { Random } from '../harness/random.js';
import { scenario } from '../harness/scenario.js';
import { until } from '../harness/wait.js';
import { type CapturedChange, describe, readLog, withTruncatesSorted } from './decoding/changes.js';
import { applyTo, contents } from './decoding/copy.js';
import { publicationList, schemas, tableNames } from './decoding/definitions.js';
import { changesOf, readServer, type Step } from './decoding/server_changes.js';
import { create, shapesFor, typesSql, visibleTables } from './decoding/tables.js';
import { Workload } from './decoding/workload.js';

const seeds = Number(process.env.PULSE_TEST_SEEDS ?? 20);
const stepsPerSeed = 220;

// What has to have happened, so that it has been looked at.
const kinds = [
  'insert',
  'insert or nothing',
  'insert many',
  'copy',
  'upsert',
  'update',
  'update of a key',
  'delete',
  'merge',
  'truncate',
  'logical message',
  'savepoint rolled back',
  'commit',
  'rollback',
  'prepare',
  'commit prepared',
  'rollback prepared',
  'create table',
  'drop table',
  'drop and create table',
  'rename table',
  'move table to another schema',
  'add column',
  'add column in a transaction',
  'drop column',
  'rename column',
  'retype column',
  'change replica identity',
  'detach partition',
  'attach partition',
  'add enum label',
  'rename enum label',
  'rename type',
  'drop and create type',
  'alter publication',
  'kill of the server',
  'streamed transaction',
  'streamed transaction rolled back',
  'streamed subtransaction rolled back',
];

class Seed {
  private readonly random: Random;
  private readonly database: string;
  private readonly copy: string;
  // The publication is the user's own: chosen tables, columns, rows and operations, altered meanwhile. Such events are
  // not enough to make a copy from.
  private readonly chosen: boolean;
  private readonly publication: string;
  private pulse: Pulse | undefined;
  private workload: Workload | undefined;
  private steps: Step[] = [];
  private captured: CapturedChange[] = [];

  constructor(
    private readonly postgres: Postgres,
    readonly number: number,
  ) {
    this.random = new Random(number);
    this.database = `seed_${number}`;
    this.copy = `seed_${number}_copy`;
    this.chosen = this.random.chance(0.4);
    this.publication = this.chosen ? 'chosen' : 'pulse_default';
  }

  async run(): Promise<void> {
    try {
      await this.prepare();
      await this.work();
      await this.settle();
      await this.compare();
    } catch (reason) {
      const folder = join(root, 'build/oracle');
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `seed_${this.number}`);
      writeFileSync(`${file}.statements.sql`, (this.workload?.trace ?? []).join('\n'));
      writeFileSync(
        `${file}.server`,
        changesOf(this.steps)
          .map((change) => describe(change))
          .join('\n'),
      );
      writeFileSync(`${file}.pulse`, this.captured.map((change) => describe(change)).join('\n'));
      throw new Error(
        `seed ${this.number}: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}\n` +
          `again: PULSE_TEST_SEED=${this.number} PULSE_TEST_SEEDS=1; see ${file}.*`,
      );
    } finally {
      await this.end();
    }
  }

  private async prepare(): Promise<void> {
    const { postgres, random, database } = this;
    for (const name of [database, this.copy]) {
      await postgres.createDatabase(name);
      await postgres.sql(typesSql, name);
    }
    // Large transactions are sent while they are still open, or wait on the server's disk.
    if (random.chance(0.6)) await postgres.sql(`ALTER DATABASE ${database} SET logical_decoding_work_mem = '64kB'`);
    for (const schema of schemas) {
      for (const name of random.shuffle(tableNames).slice(0, random.between(2, 4))) {
        const sql = create(random.pick(shapesFor(this.chosen)), schema, name);
        await postgres.sql(sql, database);
        await postgres.sql(sql, this.copy);
      }
    }
    if (this.chosen) {
      const client = await postgres.connect(database);
      const tables = await visibleTables(client);
      const serverVersion = Number((await client.query('SHOW server_version_num')).rows[0].server_version_num);
      const viaRoot = serverVersion >= 130000 && random.chance(0.6);
      const around = { random, tables, serverVersion, publication: this.publication, chosen: true };
      await client.query(
        `CREATE PUBLICATION ${this.publication} FOR TABLE ${publicationList(around, viaRoot)}` +
          (viaRoot ? ' WITH (publish_via_partition_root = true)' : ''),
      );
      await client.end();
    }
    const env: Record<string, string> = { PULSE_FIX: 'on', PULSE_STREAMING: random.chance(0.8) ? 'on' : 'off' };
    if (this.chosen) env['PULSE_PUBLICATION'] = this.publication;
    this.pulse = await Pulse.start({ database: postgres.socketUrl(database), env });
    await postgres.sql(
      `SELECT pg_copy_logical_replication_slot('pulse_default', 'oracle', false, 'test_decoding')`,
      database,
    );
    this.workload = await Workload.connect(postgres, database, random, this.publication, this.chosen);
    await this.workload.begin();
  }

  private async work(): Promise<void> {
    const [pulse, workload] = [this.pulse as Pulse, this.workload as Workload];
    const kills = new Set<number>();
    for (let count = this.random.between(0, 2); count > 0; count--)
      kills.add(this.random.between(10, stepsPerSeed - 10));
    for (let step = 0; step < stepsPerSeed; step++) {
      if (kills.has(step)) {
        await this.countStreamed();
        await pulse.kill();
        workload.trace.push('-- the server is killed');
        workload.count('kill of the server');
      }
      if (!pulse.running && this.random.chance(0.1)) pulse.launch();
      await workload.step();
    }
    await workload.quiesce();
    if (!pulse.running) pulse.launch();
  }

  // Counters begin anew with a process.
  private async countStreamed(): Promise<void> {
    const pulse = this.pulse as Pulse;
    for (const [metric, kind] of [
      ['pulse_streamed_transactions_committed_total', 'streamed transaction'],
      ['pulse_streamed_transactions_aborted_total', 'streamed transaction rolled back'],
      ['pulse_streamed_subtransactions_aborted_total', 'streamed subtransaction rolled back'],
    ] as const) {
      const count = await pulse.metric(metric).catch(() => 0);
      for (let one = 0; one < count; one++) this.workload?.count(kind);
    }
  }

  // Until everything that has been committed is durable in Pulse, and confirmed.
  private async settle(): Promise<void> {
    const pulse = this.pulse as Pulse;
    await pulse.ready();
    const client = await this.postgres.connect(this.database);
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn');
    await until('everything to be confirmed', async () => {
      const status = await pulse.capture();
      assert.notEqual(status.state, 'stopped', `capture has stopped: ${status.problem}`);
      const slot = await client.query<{ done: boolean }>(
        `SELECT confirmed_flush_lsn >= $1 AS done FROM pg_replication_slots WHERE slot_name = 'pulse_default'`,
        [rows[0]?.lsn],
      );
      return slot.rows[0]?.done === true;
    });
    await client.end();
    await this.countStreamed();
    await pulse.terminate();
  }

  private async compare(): Promise<void> {
    const client = await this.postgres.connect(this.database);
    this.captured = readLog((this.pulse as Pulse).dataFolder);
    this.steps = await readServer(client, 'oracle');
    const remade = this.done.has('drop and create type');
    const told = withTruncatesSorted(changesOf(this.steps)).map((change) => describe(change, remade));
    const have = withTruncatesSorted(this.captured).map((change) => describe(change, remade));
    for (let index = 0; index < Math.max(told.length, have.length); index++) {
      if (told[index] === have[index]) continue;
      assert.fail(
        `change ${index + 1} (the server tells ${told.length}, Pulse has ${have.length})\n` +
          `  server: ${told.slice(index, index + 3).join('\n          ')}\n` +
          `  Pulse:  ${have.slice(index, index + 3).join('\n          ')}`,
      );
    }
    const ids = this.captured.map(({ id }) => id);
    assert.deepEqual(ids, [...new Set(ids)].sort(), 'ids rise');
    if (!this.chosen) await this.rebuild(await contents(client));
    await client.end();
  }

  private async rebuild(original: string[]): Promise<void> {
    const copy = await this.postgres.connect(this.copy);
    await copy.query('SET session_replication_role = replica');
    await applyTo(copy, this.steps, this.captured);
    const rebuilt = await contents(copy);
    await copy.end();
    for (let index = 0; index < Math.max(original.length, rebuilt.length); index++)
      assert.equal(rebuilt[index], original[index], `line ${index + 1} of the copy`);
  }

  private async end(): Promise<void> {
    await this.workload?.end();
    await this.pulse?.remove();
    for (const slot of ['pulse_default', 'oracle']) {
      await until(`slot ${slot} to be free`, async () => {
        await this.postgres.sql(
          `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${slot}'`,
        );
        return true;
      });
    }
    for (const name of [this.database, this.copy]) {
      // After a failure connections may be left.
      await this.postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
      await until(`database ${name} to be free`, async () => {
        await this.postgres.sql(`DROP DATABASE IF EXISTS ${name}`);
        return true;
      });
    }
  }

  get done(): Map<string, number> {
    return this.workload?.done ?? new Map();
  }

  get changes(): number {
    return this.captured.length;
  }
}

scenario(
  'what_is_captured_is_what_the_server_says_was_committed',
  async (s) => {
    // The database server is never killed here, and need not wait for its disk.
    const settings = { max_prepared_transactions: '20', autovacuum: 'off', fsync: 'off' };
    const postgres = await s.postgres({ settings });
    const done = new Map<string, number>();
    const failures: string[] = [];
    let changes = 0;
    const missing = (): string[] => kinds.filter((kind) => !done.has(kind));
    let count = 0;
    // Rare kinds may take some more seeds.
    const more = (): boolean => seeds >= 20 && count < 3 * seeds && missing().length > 0;
    for (; count < seeds || more(); count++) {
      const seed = new Seed(postgres, s.random.seed + count);
      await seed.run().catch((reason: unknown) => {
        failures.push(String(reason));
        console.error(failures.at(-1));
      });
      for (const [kind, times] of seed.done) done.set(kind, (done.get(kind) ?? 0) + times);
      changes += seed.changes;
    }
    s.note(`${count} seeds from ${s.random.seed}: ${changes} changes, ${failures.length} failures`);
    s.note(JSON.stringify(Object.fromEntries([...done].sort())));
    assert.deepEqual(failures, []);
    if (seeds >= 20) assert.deepEqual(missing(), [], 'kinds of statements that never succeeded');
  },
  { timeoutMs: Math.max(120_000, seeds * 30_000) },
);
