// A random history of one database, made by a few sessions whose statements take turns: which statement comes next, and
// what it says, depends on the seed alone.
import type pg from 'pg';
import type { Postgres } from '../../harness/postgres.js';
import type { Random } from '../../harness/random.js';
import { alterTables } from './definitions.js';
import { changeRows } from './rows.js';
import { publicationMark, publicationSql, statementMark } from './server_changes.js';
import { type Table, visibleTables } from './tables.js';

// What a step has found out: its name, and what it runs. A definition changes tables, and is told to the copy.
export interface Statement {
  kind: string;
  sql: string;
  definition?: boolean;
  // No other transaction may be open: how the server reads what such a one did before and after depends on when it
  // decodes it.
  alone?: boolean;
}

export interface Surroundings {
  random: Random;
  tables: Table[];
  serverVersion: number;
  publication: string;
  // The publication is the user's own, and is altered meanwhile.
  chosen: boolean;
}

class Session {
  open = false;
  savepoints: string[] = [];
  // Has altered tables in the transaction that is open.
  altering = false;
  constructor(
    readonly name: string,
    readonly client: pg.Client,
  ) {}
}

const sessionCount = 4;

export class Workload {
  // How often each kind of statement has succeeded.
  readonly done = new Map<string, number>();
  readonly trace: string[] = [];
  private readonly sessions: Session[] = [];
  private prepared: { name: string; altering: boolean }[] = [];
  private names = 0;

  private constructor(
    private readonly random: Random,
    private readonly serverVersion: number,
    private readonly publication: string,
    private readonly chosen: boolean,
  ) {}

  static async connect(
    postgres: Postgres,
    database: string,
    random: Random,
    publication: string,
    chosen: boolean,
  ): Promise<Workload> {
    const clients: pg.Client[] = [];
    for (let number = 0; number < sessionCount; number++) clients.push(await postgres.connect(database));
    const { rows } = await (clients[0] as pg.Client).query<{ version: string }>(
      `SELECT current_setting('server_version_num') AS version`,
    );
    const workload = new Workload(random, Number(rows[0]?.version), publication, chosen);
    for (const [index, client] of clients.entries()) {
      // Turns are taken one by one, so whoever has the lock cannot let go of it while another waits.
      await client.query(`SET lock_timeout = '15ms'`);
      workload.sessions.push(new Session('abcdefgh'[index] as string, client));
    }
    return workload;
  }

  async end(): Promise<void> {
    for (const { client } of this.sessions) await client.end();
  }

  count(kind: string): void {
    this.done.set(kind, (this.done.get(kind) ?? 0) + 1);
  }

  private async run(session: Session, sql: string): Promise<boolean> {
    try {
      await session.client.query(sql);
      this.trace.push(`${session.name}: ${sql}`);
      return true;
    } catch (reason) {
      this.trace.push(`${session.name}: ${sql}\n   -- ${String(reason)}`);
      if (!session.open) await session.client.query('ROLLBACK');
      else await this.recover(session);
      return false;
    }
  }

  // A transaction with a failed statement goes on from a savepoint, or ends.
  private async recover(session: Session): Promise<void> {
    const savepoint = session.savepoints.at(-1);
    if (savepoint !== undefined) {
      await session.client.query(`ROLLBACK TO ${savepoint}`);
      this.count('savepoint rolled back');
    } else {
      await this.close(session, 'ROLLBACK', 'rollback');
    }
  }

  private async save(session: Session): Promise<void> {
    const savepoint = `s${this.names++}`;
    if (await this.run(session, `SAVEPOINT ${savepoint}`)) session.savepoints.push(savepoint);
  }

  private async close(session: Session, sql: string, kind: string): Promise<void> {
    const closed = await session.client.query(sql).then(
      () => true,
      () => false,
    );
    this.trace.push(`${session.name}: ${sql}${closed ? '' : '   -- failed'}`);
    if (closed) this.count(kind);
    session.open = false;
    session.savepoints = [];
    session.altering = false;
  }

  private inform(): string {
    const content = publicationSql(this.publication, this.serverVersion);
    return `SELECT pg_logical_emit_message(true, '${publicationMark}', (${content}))`;
  }

  // What is published at the beginning of the history.
  async begin(): Promise<void> {
    await (this.sessions[0] as Session).client.query(this.inform());
  }

  async step(): Promise<void> {
    const session = this.random.pick(this.sessions);
    if (this.prepared.length > 0 && this.random.chance(0.15)) return this.finishPrepared(session);
    if (session.open && this.random.chance(0.3)) return this.moveTransaction(session);
    if (!session.open && this.random.chance(0.35)) {
      if (await this.run(session, 'BEGIN')) session.open = true;
      return;
    }
    const tables = await visibleTables(session.client);
    const around: Surroundings = {
      random: this.random,
      tables,
      serverVersion: this.serverVersion,
      publication: this.publication,
      chosen: this.chosen,
    };
    const statement = this.random.chance(0.2) ? alterTables(around) : changeRows(around);
    if (statement === undefined) return;
    if (statement.definition === true) return this.define(session, statement);
    // A statement that fails ends the transaction, or what came since the last savepoint.
    if (session.open && this.random.chance(0.4)) await this.save(session);
    if (await this.run(session, statement.sql)) this.count(statement.kind);
  }

  // Marks say what row changes do not. One transaction at a time alters tables: each mark tells of all before it.
  private async define(session: Session, { kind, sql, alone }: Statement): Promise<void> {
    const elsewhere = [...this.sessions.filter((other) => other !== session), ...this.prepared];
    if (elsewhere.some(({ altering }) => altering)) return;
    if (alone === true) await this.quiesce();
    const tag = `$oracle${this.names++}$`;
    const told = `SELECT pg_logical_emit_message(true, '${statementMark}', ${tag}${sql}${tag})`;
    const marked = `${told}; ${sql}; ${this.inform()}`;
    if (!session.open) {
      if (await this.run(session, `BEGIN; ${marked}; COMMIT`)) this.count(kind);
      return;
    }
    // So that a refused one does not end the transaction.
    await this.save(session);
    if (await this.run(session, marked)) {
      session.altering = true;
      this.count(`${kind} in a transaction`);
      this.count(kind);
    }
  }

  private async moveTransaction(session: Session): Promise<void> {
    const choice = this.random.next();
    const last = session.savepoints.at(-1);
    if (choice < 0.35) {
      await this.save(session);
    } else if (choice < 0.5 && last !== undefined) {
      if (await this.run(session, `RELEASE ${last}`)) session.savepoints.pop();
    } else if (choice < 0.65 && session.savepoints.length > 0) {
      const index = this.random.between(0, session.savepoints.length - 1);
      if (await this.run(session, `ROLLBACK TO ${session.savepoints[index]}`)) {
        session.savepoints.length = index + 1;
        this.count('savepoint rolled back');
      }
    } else if (choice < 0.72) {
      await this.close(session, 'ROLLBACK', 'rollback');
    } else if (choice < 0.8 && this.prepared.length < 3) {
      const name = `p${this.names++}`;
      const altering = session.altering;
      const before = this.done.get('prepare') ?? 0;
      await this.close(session, `PREPARE TRANSACTION '${name}'`, 'prepare');
      if ((this.done.get('prepare') ?? 0) > before) this.prepared.push({ name, altering });
    } else {
      await this.close(session, 'COMMIT', 'commit');
    }
  }

  // From whichever session, as long as it is in no transaction.
  private async finishPrepared(session: Session): Promise<void> {
    if (session.open) return;
    const [one] = this.prepared.splice(this.random.between(0, this.prepared.length - 1), 1);
    const verb = this.random.chance(0.75) ? 'COMMIT' : 'ROLLBACK';
    if (one !== undefined && (await this.run(session, `${verb} PREPARED '${one.name}'`)))
      this.count(`${verb.toLowerCase()} prepared`);
  }

  // Ends all transactions.
  async quiesce(): Promise<void> {
    for (const session of this.sessions) {
      if (!session.open) continue;
      if (this.random.chance(0.85)) await this.close(session, 'COMMIT', 'commit');
      else await this.close(session, 'ROLLBACK', 'rollback');
    }
    while (this.prepared.length > 0) await this.finishPrepared(this.sessions[0] as Session);
  }
}
