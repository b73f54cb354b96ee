// An empty copy of the database, into which nothing comes but Pulse's events: afterwards it must equal the original.
// What events do not tell (definitions of tables, partitions that are truncated) comes from the server's history.
import pg from 'pg';

import type { CapturedChange, Row, Value } from './changes.js';
import type { Step } from './server_changes.js';

const quote = (name: string): string => pg.escapeIdentifier(name);
const nameOf = (table: string): string => (JSON.parse(table) as [string, string]).map(quote).join('.');
const literal = (value: Value): string => (value === null ? 'NULL' : pg.escapeLiteral(String(value)));

// One row out of several that may be equal.
function theRow(table: string, ofRoot: boolean, key: Row): string {
  const conditions = Object.entries(key).map(([column, value]) =>
    value === null ? `${quote(column)} IS NULL` : `${quote(column)} = ${literal(value)}`,
  );
  return (
    `(tableoid, ctid) = (SELECT tableoid, ctid FROM ${ofRoot ? '' : 'ONLY '}${nameOf(table)}` +
    ` WHERE ${conditions.join(' AND ')} LIMIT 1)`
  );
}

// `ofRoot`: the table is a partitioned one, published for its partitions.
function statementFor(change: CapturedChange, ofRoot: boolean): string {
  const sent = Object.entries(change.row).filter(([, value]) => value !== false);
  if (change.action === 'create') {
    const columns = sent.map(([column]) => quote(column)).join(', ');
    const values = sent.map(([, value]) => literal(value)).join(', ');
    return `INSERT INTO ${nameOf(change.table)} (${columns}) OVERRIDING SYSTEM VALUE VALUES (${values})`;
  }
  // A whole old row says by leaving a column out that it was NULL.
  const told = Object.keys(change.old).length !== 0;
  const keyed = Object.fromEntries(
    change.identity.map((column) => [column, (told ? change.old[column] : change.row[column]) ?? null]),
  );
  const only = ofRoot ? '' : 'ONLY ';
  if (change.action === 'delete')
    return `DELETE FROM ${only}${nameOf(change.table)} WHERE ${theRow(change.table, ofRoot, keyed)}`;
  // A column that is GENERATED ALWAYS AS IDENTITY can only be set by an INSERT, and does not change.
  const settings = sent
    .filter(([column]) => column !== 'identity_no')
    .map(([column, value]) => `${quote(column)} = ${literal(value)}`);
  const row = theRow(change.table, ofRoot, keyed);
  return `UPDATE ${only}${nameOf(change.table)} SET ${settings.join(', ')} WHERE ${row}`;
}

// `steps` and `changes` must have been found to tell the same.
export async function applyTo(copy: pg.Client, steps: Step[], changes: CapturedChange[]): Promise<void> {
  let next = 0;
  for (const step of steps) {
    let sql: string;
    if (step.kind === 'transaction') sql = 'BEGIN';
    else if (step.kind === 'commit') sql = 'COMMIT';
    else if (step.kind === 'statement') sql = step.sql;
    else if (step.kind === 'truncate') {
      sql = `TRUNCATE ${step.tables.map(nameOf).join(', ')}`;
      next += step.changes.length;
    } else sql = statementFor(changes[next++] as CapturedChange, step.ofRoot);
    let done: pg.QueryResult;
    try {
      done = await copy.query(sql);
    } catch (reason) {
      throw new Error(`applying change ${next}: ${String(reason)}: ${sql}`);
    }
    if (step.kind === 'change' && done.rowCount !== 1)
      throw new Error(`change ${next} concerns ${done.rowCount} rows of the copy: ${sql.slice(0, 500)}`);
  }
}

// Every row of every table, as text, in an order that depends on nothing but the rows.
export async function contents(client: pg.Client): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
     ORDER BY 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(
      `SELECT t::text COLLATE "C" AS row FROM ONLY ${name} t ORDER BY 1`,
    );
    found.push(`table ${name}: ${rows.length} rows`, ...rows.map(({ row }) => `${name} ${row}`));
  }
  return found;
}
