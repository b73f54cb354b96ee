// What PostgreSQL itself says was committed, and in which order: a second slot, copied from the server's before anything
// is written, read with the plug-in test_decoding.
import type { Frame } from './consumer.js';
import { rowOf } from './consumer.js';
import type { Postgres } from './postgres.js';

export const defaultSlot = 'pulse_default';

export interface OracleChange {
  transaction: number;
  action: Frame['action'];
  table: string;
  // The columns that are integers: enough to know a row by.
  integers: Record<string, number>;
}

const actions: Record<string, Frame['action']> = { INSERT: 'create', UPDATE: 'update', DELETE: 'delete' };

export class Oracle {
  private constructor(
    private readonly postgres: Postgres,
    private readonly slot: string,
    private readonly database: string,
  ) {}

  // The server must be capturing, so that its slot is there to be copied.
  static async copy(postgres: Postgres, { slot = 'oracle', database = 'postgres' } = {}): Promise<Oracle> {
    await postgres.sql(
      `SELECT pg_copy_logical_replication_slot('${defaultSlot}', '${slot}', false, 'test_decoding')`,
      database,
    );
    return new Oracle(postgres, slot, database);
  }

  // Every change since the copy, in commit order.
  async changes(): Promise<OracleChange[]> {
    const found: OracleChange[] = [];
    const client = await this.postgres.connect(this.database);
    try {
      for (;;) {
        // In portions that end with a transaction, so that a long history is never in memory twice.
        const { rows } = await client.query<{ data: string }>(
          `SELECT data FROM pg_logical_slot_get_changes('${this.slot}', NULL, 50000, 'include-xids', 'on')`,
        );
        if (rows.length === 0) return found;
        let transaction = 0;
        for (const { data } of rows) {
          const begin = /^BEGIN (\d+)/.exec(data);
          if (begin !== null) transaction = Number(begin[1]);
          const change = /^table (\S+): (INSERT|UPDATE|DELETE): (.*)$/s.exec(data);
          if (change === null) continue;
          const [, table = '', verb = '', columns = ''] = change;
          // An update whose key changes shows the old key first.
          const row = columns.includes('new-tuple: ') ? columns.slice(columns.indexOf('new-tuple: ')) : columns;
          const integers: Record<string, number> = {};
          for (const [, name = '', value] of row.matchAll(/(\w+)\[(?:integer|bigint)\]:(-?\d+)/g))
            integers[name] = Number(value);
          found.push({ transaction, action: actions[verb] as Frame['action'], table, integers });
        }
      }
    } finally {
      await client.end();
    }
  }

  async drop(): Promise<void> {
    await this.postgres.sql(`SELECT pg_drop_replication_slot('${this.slot}')`, this.database);
  }
}

// One change, as a short text that is the same for the oracle and for a frame. `columns` must be integers in both; a
// delete is known by the columns of the key only.
export function describeChange(action: string, row: Record<string, unknown>, columns: readonly string[]): string {
  return `${action} ${columns.map((column) => (row[column] === undefined ? '-' : String(row[column]))).join('/')}`;
}

export const describeFrame = (frame: Frame, columns: readonly string[]): string =>
  describeChange(frame.action, rowOf(frame), columns);

export const describeOracle = (change: OracleChange, columns: readonly string[]): string =>
  describeChange(change.action, change.integers, columns);

// Says where two long lists part, instead of printing both.
export function firstDifference(actual: readonly string[], expected: readonly string[]): string | undefined {
  const length = Math.max(actual.length, expected.length);
  for (let index = 0; index < length; index++) {
    if (actual[index] !== expected[index]) {
      const around = (list: readonly string[]): string => JSON.stringify(list.slice(Math.max(0, index - 3), index + 4));
      return `at ${index} (of ${actual.length} and ${expected.length}): have ${around(actual)}, expected ${around(expected)}`;
    }
  }
  return undefined;
}
