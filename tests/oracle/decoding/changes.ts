// A row's change as both sides tell it: the server through test_decoding, Pulse through its log.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { root } from '../../harness/paths.js';

// PostgreSQL's text; null; false for a large value that an UPDATE did not touch, which is not sent.
export type Value = string | null | false;
export type Row = Record<string, Value>;

export interface Change {
  lsn: string;
  // Counts the transactions that have changes, from 0.
  transaction: number;
  action: 'create' | 'update' | 'delete' | 'truncate';
  table: string; // as tableKey() makes it
  // What came of the old row, NULLs left out; empty when nothing did.
  old: Row;
  // The new row; empty for a delete.
  row: Row;
  // What the new row's columns hold, as Pulse names kinds of values.
  kinds: Record<string, string>;
}

export const tableKey = (schema: string, name: string): string => JSON.stringify([schema, name]);

// `typesWereRemade`: what an enum was that is gone when Pulse sees a value of it, nobody can tell any more.
export function describe(change: Change, typesWereRemade = false): string {
  const sorted = <T>(row: Record<string, T>): string =>
    JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))));
  const { transaction, lsn, action, table, old, row } = change;
  const kinds = sorted(change.kinds);
  return (
    `${transaction} ${lsn} ${action} ${table} ${sorted(old)} ${sorted(row)} ` +
    (typesWereRemade ? kinds.replaceAll('"other"', '"enumeration"') : kinds)
  );
}

export interface CapturedChange extends Change {
  // The columns that tell the row when nothing came of the old one.
  identity: string[];
  id: string;
}

interface PrintedEvent {
  id: string;
  commit: string;
  lsn: string;
  action: Change['action'];
  schema: string;
  table: string;
  columns: { name: string; key: boolean; kind: string }[];
  before: Value[];
  after: Value[];
}

// The tables of one TRUNCATE have no order.
export function withTruncatesSorted<T extends Change>(changes: readonly T[]): T[] {
  const sorted = [...changes];
  for (let from = 0; from < sorted.length; from++) {
    let to = from;
    while (sorted[to]?.action === 'truncate' && sorted[to]?.lsn === sorted[from]?.lsn) to++;
    if (to === from) continue;
    sorted.splice(from, to - from, ...sorted.slice(from, to).sort((a, b) => (a.table < b.table ? -1 : 1)));
    from = to - 1;
  }
  return sorted;
}

// All that a project's log holds. No server may have it open.
export function readLog(dataFolder: string, project = 'default'): CapturedChange[] {
  const program = process.env.PULSE_PRINT_LOG_BIN ?? join(root, 'build/release/tests/print_log');
  const text = execFileSync(program, [join(dataFolder, 'projects', project, 'log')], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const changes: CapturedChange[] = [];
  let transaction = -1;
  let commit = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const event = JSON.parse(line) as PrintedEvent;
    if (event.commit !== commit) transaction++;
    commit = event.commit;
    const names = event.columns.map(({ name }) => name);
    const rowOf = (values: Value[]): Row => {
      if (values.length !== 0 && values.length !== names.length)
        throw new Error(`a row of ${values.length} columns where the table has ${names.length}: ${line}`);
      return Object.fromEntries(values.map((value, index) => [names[index], value]));
    };
    changes.push({
      transaction,
      lsn: event.lsn,
      action: event.action,
      table: tableKey(event.schema, event.table),
      old: Object.fromEntries(Object.entries(rowOf(event.before)).filter(([, value]) => value !== null)),
      row: rowOf(event.after),
      kinds: event.after.length === 0 ? {} : Object.fromEntries(event.columns.map(({ name, kind }) => [name, kind])),
      identity: event.columns.filter(({ key }) => key).map(({ name }) => name),
      id: event.id,
    });
  }
  return changes;
}
