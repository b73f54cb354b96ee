// Statements after which a table that is published has no replica identity, or another one, and those beside them: each
// must have the same outcome with and without Pulse.

export interface Shape {
  readonly name: string;
  // Made while Pulse is there, unless the triggers are said to be off: then the tables are such as were there before.
  readonly before: string;
  readonly triggersOff?: true;
  readonly statements: string;
  // The first major version that has it.
  readonly from?: number;
  // UPDATEs and DELETEs of the tables named in it are not captured.
  readonly insertsOnly?: true;
  // Nothing of it is captured.
  readonly temporary?: true;
}

// Every kind of change, by columns a and b.
const write = (table: string): string =>
  `INSERT INTO ${table} (a, b) VALUES (1, 1); UPDATE ${table} SET b = 2; DELETE FROM ${table};`;
const identityOf = (table: string): string => `SELECT relreplident FROM pg_class WHERE oid = '${table}'::regclass;`;
const partitioned = `
  CREATE TABLE p (a int PRIMARY KEY, b int) PARTITION BY RANGE (a);
  CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
  CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (a);
  CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (20);`;
const keyed = 'CREATE TABLE t (a int PRIMARY KEY, b int);';
const keyless = 'CREATE TABLE t (a int, b int);';
const indexed = `CREATE TABLE t (a int NOT NULL, b int); CREATE UNIQUE INDEX ti ON t (a);
  ALTER TABLE t REPLICA IDENTITY USING INDEX ti;`;
const typed = (type: string): string => `${type}; CREATE TABLE t (a int, b int, c d PRIMARY KEY DEFAULT 'x');`;

// Each runs in a schema of its own, which is called "shape" and is the search path.
export const shapes: readonly Shape[] = [
  { name: 'a_keyless_table', before: '', statements: keyless + write('t') },
  {
    name: 'create_schema_with_a_table',
    before: '',
    statements: `CREATE SCHEMA inner_%D CREATE TABLE t (a int, b int); ${write('inner_%D.t')}`,
  },
  {
    name: 'made_by_a_replication_role',
    before: '',
    statements: `SET session_replication_role = replica; ${keyless}${write('t')}`,
  },
  {
    name: 'key_dropped_by_a_replication_role',
    before: keyed,
    statements: `SET session_replication_role = replica; ALTER TABLE t DROP CONSTRAINT t_pkey; ${write('t')}`,
  },
  { name: 'key_dropped', before: keyed, statements: `ALTER TABLE t DROP CONSTRAINT t_pkey; ${write('t')}` },
  {
    name: 'key_column_dropped',
    before: 'CREATE TABLE t (a int, b int, c int PRIMARY KEY);',
    statements: `ALTER TABLE t DROP COLUMN c; ${write('t')}`,
  },
  { name: 'index_of_the_identity_dropped', before: indexed, statements: `DROP INDEX ti; ${write('t')}` },
  {
    name: 'index_of_the_identity_dropped_concurrently',
    before: indexed,
    statements: `DROP INDEX CONCURRENTLY ti; ${write('t')}`,
    insertsOnly: true,
  },
  {
    name: 'key_of_a_partitioned_table_dropped',
    before: partitioned,
    statements: `ALTER TABLE p DROP CONSTRAINT p_pkey; INSERT INTO p VALUES (11, 1); ${write('p')}${write('p1')}`,
  },
  {
    name: 'key_column_of_a_partitioned_table_dropped',
    before: `
      CREATE TABLE p (a int, b int, c int) PARTITION BY RANGE (a);
      CREATE TABLE p1 PARTITION OF p (PRIMARY KEY (c)) FOR VALUES FROM (0) TO (10);`,
    statements: `ALTER TABLE p DROP COLUMN c; ${write('p')}`,
  },
  {
    name: 'key_column_of_a_parent_dropped',
    before: `
      CREATE TABLE h (a int PRIMARY KEY, b int, c int); CREATE TABLE h1 (PRIMARY KEY (c)) INHERITS (h);`,
    statements: `ALTER TABLE h DROP COLUMN c; ${write('h1')}${write('h')}`,
  },
  {
    name: 'attribute_of_a_type_dropped',
    before: 'CREATE TYPE ct AS (a int, b int, c int); CREATE TABLE t OF ct (PRIMARY KEY (c), c DEFAULT 0);',
    statements: `ALTER TYPE ct DROP ATTRIBUTE c CASCADE; ${write('t')}`,
  },
  {
    name: 'domain_dropped',
    before: typed('CREATE DOMAIN d AS text'),
    statements: `DROP DOMAIN d CASCADE; ${write('t')}`,
  },
  {
    name: 'type_dropped',
    before: typed("CREATE TYPE d AS ENUM ('x')"),
    statements: `DROP TYPE d CASCADE; ${write('t')}`,
  },
  {
    name: 'schema_with_a_type_dropped',
    before: `CREATE SCHEMA types_%D; CREATE DOMAIN types_%D.d AS text; CREATE TABLE t (a int, b int, c types_%D.d PRIMARY KEY DEFAULT 'x');`,
    statements: `DROP SCHEMA types_%D CASCADE; ${write('t')}`,
  },
  {
    name: 'type_of_an_owner_dropped',
    before: `CREATE ROLE owner_%D; GRANT ALL ON SCHEMA shape TO owner_%D; SET ROLE owner_%D; CREATE DOMAIN shape.d AS text; RESET ROLE;
      CREATE TABLE t (a int, b int, c d PRIMARY KEY DEFAULT 'x');`,
    statements: `DROP OWNED BY owner_%D CASCADE; ${write('t')} DROP ROLE owner_%D;`,
  },
  {
    name: 'table_dropped_whose_row_type_is_the_key',
    before: 'CREATE TABLE r (x int); CREATE TABLE t (a int, b int, c r PRIMARY KEY DEFAULT ROW(1));',
    statements: `DROP TABLE r CASCADE; ${write('t')}`,
  },
  {
    name: 'identity_nothing_stays',
    before: keyed,
    statements: `ALTER TABLE t REPLICA IDENTITY NOTHING; ${write('t')}${identityOf('t')}`,
    insertsOnly: true,
  },
  {
    name: 'identity_nothing_stays_in_a_transaction',
    before: keyed,
    statements: `BEGIN; ALTER TABLE t REPLICA IDENTITY NOTHING; ${write('t')} ALTER TABLE t ADD COLUMN c int; COMMIT; ${identityOf('t')}`,
    insertsOnly: true,
  },
  {
    name: 'identity_nothing_and_back',
    before: keyed,
    statements: `ALTER TABLE t REPLICA IDENTITY NOTHING; ALTER TABLE t REPLICA IDENTITY DEFAULT; ${write('t')}${identityOf('t')}`,
  },
  {
    name: 'identity_by_an_invalid_index_of_a_partitioned_table_stays',
    before: `
      CREATE TABLE p (a int NOT NULL, b int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);`,
    statements: `
      CREATE UNIQUE INDEX pi ON ONLY p (a); ALTER TABLE ONLY p REPLICA IDENTITY USING INDEX pi; ALTER TABLE p ADD COLUMN c int; ${identityOf('p')}
      CREATE UNIQUE INDEX pi1 ON p1 (a); ALTER INDEX pi ATTACH PARTITION pi1; ${identityOf('p')} ${write('p')}`,
  },
  {
    name: 'keyless_from_before_is_altered',
    before: keyless,
    triggersOff: true,
    statements: `ALTER TABLE t ADD COLUMN c int; ${identityOf('t')}${write('t')}`,
    insertsOnly: true,
  },
  {
    name: 'keyless_from_before_gets_a_key',
    before: keyless,
    triggersOff: true,
    statements: `ALTER TABLE t ADD PRIMARY KEY (a); ${identityOf('t')}${write('t')}`,
  },
  {
    name: 'partition_of_a_keyless_parent_from_before',
    before: 'CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);',
    triggersOff: true,
    statements: `
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); ${identityOf('p')}${write('p')}
      CREATE TABLE p2 (a int, b int); ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10) TO (20); ${identityOf('p')}
      INSERT INTO p VALUES (11, 1); UPDATE p SET b = 3; DELETE FROM p;`,
  },
  {
    name: 'virtual_column_above_a_partition_with_full',
    before: `CREATE TABLE p (a int, b int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);`,
    statements: `ALTER TABLE p ADD COLUMN v int GENERATED ALWAYS AS (a + 1) VIRTUAL; ${write('p')}`,
    from: 18,
    insertsOnly: true,
  },
  {
    name: 'virtual_column_beside_a_unique_one',
    before: 'CREATE TABLE t (a int NOT NULL UNIQUE, b int);',
    statements: `ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (a + 1) VIRTUAL; ${write('t')}`,
    from: 18,
  },
  {
    name: 'virtual_column_of_a_new_keyless_table',
    before: '',
    statements: `CREATE TABLE t (a int, b int, v int GENERATED ALWAYS AS (a + 1) VIRTUAL); ${write('t')}`,
    from: 18,
    insertsOnly: true,
  },
  {
    name: 'stored_column_in_the_key',
    before: '',
    statements: `CREATE TABLE t (a int, b int, c int GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY); ${write('t')}`,
  },
  {
    name: 'deferrable_key',
    before: '',
    statements: `CREATE TABLE t (a int PRIMARY KEY DEFERRABLE, b int); ${write('t')}`,
  },
  {
    name: 'unlogged_made_logged',
    before: `CREATE UNLOGGED TABLE t (a int, b int);`,
    statements: `ALTER TABLE t SET LOGGED; ${write('t')}`,
  },
  {
    name: 'table_as_and_select_into',
    before: '',
    statements: `CREATE TABLE t AS SELECT 1 AS a, 1 AS b; DELETE FROM t; SELECT 1 AS a, 2 AS b INTO u; UPDATE u SET b = 3; CREATE TABLE l (LIKE t INCLUDING ALL); ${write('l')}`,
  },
  {
    name: 'key_dropped_in_repeatable_read',
    before: keyed,
    statements: `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; ALTER TABLE t DROP CONSTRAINT t_pkey; ${write('t')} CREATE TABLE u (a int, b int); ${write('u')} COMMIT;`,
  },
  {
    name: 'key_of_a_partitioned_table_dropped_in_serializable',
    before: partitioned,
    statements: `BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; ALTER TABLE p DROP CONSTRAINT p_pkey; ${write('p')} COMMIT;`,
  },
  {
    name: 'temporary_tables',
    before: '',
    statements: `CREATE TEMP TABLE temporary_%D (a int, b int); ${write('temporary_%D')} DROP TABLE temporary_%D;`,
    temporary: true,
  },
  {
    name: 'detached_and_attached',
    before: partitioned,
    statements: `ALTER TABLE p DETACH PARTITION p1; ${write('p1')} ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10); ${write('p')}`,
  },
  {
    name: 'detached_concurrently',
    before: partitioned,
    statements: `ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY; ${write('p1')}`,
    from: 14,
  },
  {
    name: 'made_and_dropped_in_a_function',
    before: '',
    statements: `
      CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN CREATE TABLE t (a int, b int); ${write('t')} DROP TABLE t; END $f$; SELECT f(); SELECT f();`,
  },
  {
    name: 'names_of_any_form',
    before: '',
    statements: `CREATE TABLE "T""'%%s.$pulse$" (a int, b int); ${write(`"T""'%%s.$pulse$"`)} CREATE TABLE shape.pg_class (a int, b int); ${write('shape.pg_class')}`,
  },
  {
    name: 'rolled_back_to_a_savepoint',
    before: keyed,
    statements: `BEGIN; SAVEPOINT s; ALTER TABLE t DROP CONSTRAINT t_pkey; ROLLBACK TO s; ${write('t')} COMMIT; ${identityOf('t')}`,
  },
  {
    name: 'key_of_another_type_and_rewritten',
    before: keyed,
    statements: `ALTER TABLE t ALTER a TYPE bigint; CLUSTER t USING t_pkey; REINDEX TABLE t; ${write('t')}`,
  },
  {
    name: 'key_by_an_index_made_concurrently',
    before: 'CREATE TABLE t (a int NOT NULL, b int);',
    triggersOff: true,
    statements: `CREATE UNIQUE INDEX CONCURRENTLY x ON t (a); ALTER TABLE t ADD PRIMARY KEY USING INDEX x; ${write('t')}`,
  },
  {
    name: 'a_partitioned_table_becomes_a_partition',
    before: `${partitioned} CREATE TABLE q (a int PRIMARY KEY, b int) PARTITION BY RANGE (a);`,
    statements: `ALTER TABLE q ATTACH PARTITION p FOR VALUES FROM (0) TO (50); ${write('q')} ALTER TABLE q DETACH PARTITION p; ${write('p')}`,
  },
  {
    name: 'renamed_and_moved',
    before: keyed,
    statements: `ALTER TABLE t RENAME TO u; CREATE SCHEMA moved_%D; ALTER TABLE u SET SCHEMA moved_%D; ${write('moved_%D.u')}`,
  },
];
