// What the server did, in its own words: a slot of the plug-in test_decoding, with the workload's marks between rows.
import type pg from 'pg';

import { type Change, type Row, tableKey, type Value } from './changes.js';

export interface PublishedTable {
  columns: Set<string> | undefined; // all
  idAbove: number | undefined; // the row filter: (id > idAbove)
}

// What is published, from one moment of the history on.
export interface Publication {
  actions: Set<Change['action']>;
  tables: Map<string, PublishedTable>;
  roots: Map<string, string>; // of partitions
}

// What the server did, in commit order.
export type Step =
  | { kind: 'change'; change: Change; ofRoot: boolean }
  // `tables` are all of them, also those that are not published: a partition that is truncated by itself is told to
  // nobody where changes are told of its root.
  | { kind: 'truncate'; tables: string[]; changes: Change[] }
  | { kind: 'statement'; sql: string }
  | { kind: 'transaction' }
  | { kind: 'commit' };

// Logical messages by which the workload tells, in its transactions, what row changes do not: they stand in the
// server's history at their place. The one holds an SQL text that changes tables' definitions, the other what is
// published now.
export const statementMark = 'oracle_statement';
export const publicationMark = 'oracle_publication';

// What Pulse's own publications send between them: every table's changes, a partition's as those of its root.
const ownPublicationsSql = (serverVersion: number): string => `
  SELECT json_build_object(
    'actions', json_build_object('create', true, 'update', true, 'delete', true, 'truncate', true),
    'tables', (SELECT json_agg(json_build_array(n.nspname, c.relname,
                 (SELECT json_agg(a.attname) FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND a.attgenerated ${serverVersion >= 180000 ? "<> 'v'" : "= ''"}), NULL))
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relpersistence = 'p' AND c.oid >= 16384
                 AND ${serverVersion >= 130000 ? "c.relkind IN ('r', 'p') AND NOT c.relispartition" : "c.relkind = 'r'"}),
    'roots', (SELECT json_agg(json_build_array(n.nspname, c.relname, rn.nspname, r.relname))
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_class r ON r.oid = pg_partition_root(c.oid) JOIN pg_namespace rn ON rn.oid = r.relnamespace
              WHERE c.relispartition AND c.relkind = 'r'))::text`;

// The content of a publication mark.
export const publicationSql = (publication: string, serverVersion: number): string =>
  publication === 'pulse_default'
    ? ownPublicationsSql(serverVersion)
    : chosenPublicationSql(publication, serverVersion);

const chosenPublicationSql = (publication: string, serverVersion: number): string => `
  SELECT json_build_object(
    'actions', (SELECT json_build_object('create', pubinsert, 'update', pubupdate, 'delete', pubdelete,
                                         'truncate', pubtruncate)
                FROM pg_publication WHERE pubname = '${publication}'),
    'tables', (SELECT json_agg(json_build_array(schemaname, tablename,
                 ${serverVersion >= 150000 ? 'attnames, rowfilter' : 'NULL, NULL'}))
               FROM pg_publication_tables WHERE pubname = '${publication}'),
    'roots', (SELECT json_agg(json_build_array(n.nspname, c.relname, rn.nspname, r.relname))
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_class r ON r.oid = pg_partition_root(c.oid) JOIN pg_namespace rn ON rn.oid = r.relnamespace
              WHERE c.relispartition AND c.relkind = 'r'))::text`;

function readPublication(content: string): Publication {
  const told = JSON.parse(content) as {
    actions: Record<Change['action'], boolean>;
    tables: [string, string, string[] | null, string | null][] | null;
    roots: [string, string, string, string][] | null;
  };
  const tables = new Map<string, PublishedTable>();
  for (const [schema, name, columns, filter] of told.tables ?? []) {
    const bound = filter === null ? undefined : /^\(id > (\d+)\)$/.exec(filter)?.[1];
    if (filter !== null && bound === undefined) throw new Error(`a row filter of another form: ${filter}`);
    tables.set(tableKey(schema, name), {
      columns: columns === null ? undefined : new Set(columns),
      idAbove: bound === undefined ? undefined : Number(bound),
    });
  }
  return {
    actions: new Set(Object.entries(told.actions).flatMap(([action, on]) => (on ? [action as Change['action']] : []))),
    tables,
    roots: new Map((told.roots ?? []).map(([s, n, rs, rn]) => [tableKey(s, n), tableKey(rs, rn)])),
  };
}

const kinds: Record<string, string> = {
  integer: 'int4',
  smallint: 'int2',
  bigint: 'int8',
  positive: 'int8', // a domain
  'double precision': 'float8',
  'timestamp with time zone': 'timestamptz',
  'character varying': 'text',
  'bit varying': 'text',
  uuid: 'text',
  mood: 'enumeration',
  mood_2: 'enumeration',
};

// Of a list, what its elements are.
function kindOf(type: string): string {
  const element = type.replace('[]', '');
  return kinds[element] ?? element;
}

// Reads test_decoding's text: "table schema.name: VERB: column[type]:value column[type]:value".
class Reader {
  private at = 0;
  constructor(private readonly text: string) {}

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  take(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  must(word: string): void {
    if (!this.take(word))
      throw new Error(`no "${word}" at ${this.at} of ${JSON.stringify(this.text.slice(0, this.at + 80))}`);
  }

  identifier(): string {
    const found = this.match(/"([^"]*(?:""[^"]*)*)"|([^\s"[\].,:]+)/y);
    if (found === null) throw new Error(`no name at ${this.at} of ${JSON.stringify(this.text.slice(0, 200))}`);
    return found[2] ?? (found[1] as string).replaceAll('""', '"');
  }

  private value(type: string): Value {
    const quoted = this.match(/B?'([^']*(?:''[^']*)*)'/y);
    if (quoted !== null) return (quoted[1] as string).replaceAll("''", "'");
    const bare = this.match(/[^ ]+/y)?.[0];
    if (bare === undefined) throw new Error(`no value at ${this.at} of ${JSON.stringify(this.text.slice(0, 200))}`);
    if (bare === 'null') return null;
    if (bare === 'unchanged-toast-datum') return false;
    if (type === 'boolean') return bare === 'true' ? 't' : 'f';
    return bare;
  }

  // Columns until the end, or until `stop`. Generated ones are not replicated; here they are known by their names.
  row({ stop, kinds }: { stop?: string; kinds?: Record<string, string> } = {}): Row {
    const row: Row = {};
    while (!this.done) {
      this.must(' ');
      if (stop !== undefined && this.take(stop)) break;
      const name = this.identifier();
      this.must('[');
      const type = (this.match(/.*?(?=\]:)/sy) as RegExpExecArray)[0];
      this.must(']:');
      const value = this.value(type);
      if (name.startsWith('generated')) continue;
      row[name] = value;
      if (kinds !== undefined) kinds[name] = kindOf(type);
    }
    return row;
  }
}

const verbs: Record<string, Change['action']> = { INSERT: 'create', UPDATE: 'update', DELETE: 'delete' };

function readChange(lsn: string, data: string): Change | { truncated: string[] } {
  const reader = new Reader(data);
  reader.must('table ');
  const tables: string[] = [];
  do {
    const schema = reader.identifier();
    reader.must('.');
    tables.push(tableKey(schema, reader.identifier()));
  } while (reader.take(', '));
  reader.must(': ');
  const verb = reader.identifier();
  reader.must(':');
  if (verb === 'TRUNCATE') return { truncated: tables };
  const action = verbs[verb];
  if (action === undefined) throw new Error(`neither row nor TRUNCATE: ${data.slice(0, 200)}`);
  const change: Change = { lsn, transaction: 0, action, table: tables[0] as string, old: {}, row: {}, kinds: {} };
  if (reader.take(' (no-tuple-data)')) return change;
  if (action === 'delete') {
    change.old = reader.row();
  } else {
    if (reader.take(' old-key:')) change.old = reader.row({ stop: 'new-tuple:' });
    change.row = reader.row({ kinds: change.kinds });
  }
  return change;
}

// The change as the publication has it (PostgreSQL manual, section 31.3 to 31.4), or nothing.
function published(change: Change, by: Publication): { change: Change; ofRoot: boolean } | undefined {
  // Without an old row there is nothing to send of a DELETE.
  if (change.action === 'delete' && Object.keys(change.old).length === 0) return undefined;
  const rootOfIt = by.roots.get(change.table);
  const name = by.tables.has(change.table) ? change.table : rootOfIt;
  const table = name === undefined ? undefined : by.tables.get(name);
  if (name === undefined || table === undefined) return undefined;
  let { action, old, row } = change;
  // Operations are chosen by what happened, before the filter makes something else of it.
  if (!by.actions.has(action)) return undefined;
  if (table.idAbove !== undefined) {
    const above = table.idAbove;
    const matches = ({ id }: Row): boolean => id !== null && id !== undefined && id !== false && Number(id) > above;
    const hasOld = Object.keys(old).length !== 0;
    const newMatches = action === 'delete' ? false : matches(row);
    const oldMatches = action === 'create' ? false : hasOld ? matches(old) : newMatches;
    if (action === 'update' && oldMatches !== newMatches) {
      action = newMatches ? 'create' : 'delete';
      if (newMatches) old = {};
      else row = {};
    }
    if (!newMatches && !oldMatches) return undefined;
  }
  const only = <T>(full: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(full).filter(([column]) => table.columns?.has(column) ?? true));
  const kinds = action === 'delete' ? {} : only(change.kinds);
  return {
    change: { ...change, table: name, action, old: only(old), row: only(row), kinds },
    ofRoot: name !== change.table,
  };
}

// Everything that has committed since the slot was made, as the publication of the time lets it through. What was
// changed before the first mark of a publication is left out.
export async function readServer(client: pg.Client, slot: string): Promise<Step[]> {
  const { rows } = await client.query<{ lsn: string; data: string }>(
    `SELECT lsn, data FROM pg_logical_slot_get_changes('${slot}', NULL, NULL, 'include-xids', 'on')`,
  );
  const steps: Step[] = [];
  let current: Publication | undefined;
  let transaction = -1;
  let counted = false;
  for (const { lsn, data } of rows) {
    if (data.startsWith('BEGIN')) {
      steps.push({ kind: 'transaction' });
      counted = false;
      continue;
    }
    if (data.startsWith('COMMIT')) {
      steps.push({ kind: 'commit' });
      continue;
    }
    const message = /^message: transactional: (\d) prefix: ([\w.]+), sz: \d+ content:(.*)$/s.exec(data);
    if (message !== null) {
      const [, , prefix, content = ''] = message;
      if (prefix === publicationMark) current = readPublication(content);
      if (prefix === statementMark) steps.push({ kind: 'statement', sql: content });
      continue;
    }
    const change = readChange(lsn, data);
    let step: Step;
    if ('truncated' in change) {
      step = { kind: 'truncate', tables: change.truncated, changes: [] };
      for (const table of change.truncated) {
        if (!current?.actions.has('truncate') || !current.tables.has(table)) continue;
        step.changes.push({ lsn, transaction: 0, action: 'truncate', table, old: {}, row: {}, kinds: {} });
      }
    } else {
      const sent = current && published(change, current);
      if (sent === undefined) continue;
      step = { kind: 'change', ...sent };
    }
    steps.push(step);
    const told = changesOf([step]);
    if (told.length > 0 && !counted) {
      transaction++;
      counted = true;
    }
    for (const one of told) one.transaction = transaction;
  }
  return steps;
}

// What of it is published.
export const changesOf = (steps: readonly Step[]): Change[] =>
  steps.flatMap((step) => (step.kind === 'change' ? [step.change] : step.kind === 'truncate' ? step.changes : []));
