#include "source/ddl_functions.hpp"

#include <string_view>

#include "change/ddl_message.hpp"
#include "source/ddl_trigger.hpp"

namespace pulse::source {
namespace {

constexpr int event_triggers_setting_version_min = 170000;

// All of them run with the search path pg_catalog and, but for note(), only called by it.
//
// alter_quietly(): event triggers of others do not see what Pulse does beside a statement. Before
// 17 the triggers of Pulse itself still do: they know by deadlock_timeout, which only a superuser
// can set, and which means nothing beside a lock_timeout of 5 ms.
constexpr std::string_view helpers_sql = R"sql(
CREATE OR REPLACE FUNCTION @schema@.alter_quietly(statement text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp @quiet@ AS $body$
BEGIN
  EXECUTE statement;
END $body$;

-- The lists of a family that have the table. Queries see the catalog as of the transaction's snapshot, which is old under
-- REPEATABLE READ; what pg_get_object_address() asks is not.
CREATE OR REPLACE FUNCTION @schema@.lists_with(family text, one oid) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  found text[] := '{}';
  list text;
BEGIN
  IF current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN
    RETURN ARRAY(SELECT p.pubname::text FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                 WHERE r.prrelid = one AND starts_with(p.pubname::text, @base@ || family));
  END IF;
  FOR k IN 1..@lists@ LOOP
    list := @base@ || family || k;
    BEGIN
      PERFORM pg_get_object_address('publication relation', parse_ident(one::regclass::text), ARRAY[list]);
      found := found || list;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  RETURN found;
END $body$;

-- Into a list that no open transaction has changed: nobody waits for anybody.
CREATE OR REPLACE FUNCTION @schema@.publish(family text, one oid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  list text;
BEGIN
  FOR k IN 1..@lists@ LOOP
    list := @base@ || family || ((pg_backend_pid() + k) % @lists@ + 1);
    CONTINUE WHEN @locks@ AND NOT pg_try_advisory_xact_lock(hashtext('pulse'), hashtext(list));
    BEGIN
      PERFORM @schema@.alter_quietly(format('ALTER PUBLICATION %I ADD TABLE ONLY %s', list, one::regclass));
      RETURN true;
    EXCEPTION
      WHEN duplicate_object THEN RETURN true;
      WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  RETURN false;
END $body$;

CREATE OR REPLACE FUNCTION @schema@.unpublish(family text, one oid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  list text;
BEGIN
  FOREACH list IN ARRAY @schema@.lists_with(family, one) LOOP
    PERFORM @schema@.alter_quietly(format('ALTER PUBLICATION %I DROP TABLE ONLY %s', list, one::regclass));
  END LOOP;
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  RETURN false;
END $body$;

-- Whether the statement has locked the table against everybody: then its identity can be changed without waiting.
CREATE OR REPLACE FUNCTION @schema@.is_locked(one oid) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $body$
  SELECT EXISTS (SELECT 1 FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
                 AND relation = one AND mode = 'AccessExclusiveLock'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
$body$;

-- What could be the identity of a table that has none, as ALTER TABLE has it. PostgreSQL does not publish virtual generated
-- columns, and refuses FULL with them.
CREATE OR REPLACE FUNCTION @schema@.possible_identity(one oid, has_virtual boolean) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $body$
  SELECT CASE WHEN NOT has_virtual THEN 'FULL' ELSE (
    SELECT CASE WHEN i.indisprimary THEN 'DEFAULT' ELSE format('USING INDEX %I', x.relname) END
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = one AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (SELECT 1 FROM pg_attribute a
                      WHERE a.attrelid = one AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull)
    ORDER BY i.indisprimary DESC, x.relname LIMIT 1) END
$body$;

CREATE OR REPLACE FUNCTION @schema@.has_virtual_columns(one oid) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $body$
  SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = one AND attgenerated = 'v' AND NOT attisdropped)
$body$;
)sql";

// A table is in a list exactly when its identity can be used; false when it could not be made so.
constexpr std::string_view care_sql = R"sql(
CREATE OR REPLACE FUNCTION @schema@.care_for(one oid, is_new boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  -- Under an old snapshot a row that others have changed, and then this statement, is there twice.
  identity "char" := (SELECT relreplident FROM pg_class WHERE oid = one ORDER BY age(xmin) LIMIT 1);
  has_virtual boolean := @schema@.has_virtual_columns(one);
  has_index boolean := pg_get_replica_identity_index(one) IS NOT NULL;
  -- Whether the identity that was read may have been changed since by others.
  is_old boolean := current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted');
  listed boolean := cardinality(@schema@.lists_with('.rows', one)) > 0;
  wanted text;
BEGIN
  IF has_index OR (identity = 'f' AND NOT has_virtual AND NOT is_old) THEN
    RETURN listed OR NOT pg_relation_is_publishable(one) OR @schema@.publish('.rows', one);
  END IF;
  -- A table that is neither new nor listed had none before the statement either, and keeps it so.
  IF identity <> 'n' AND (is_new OR listed) AND @schema@.is_locked(one) THEN
    wanted := @schema@.possible_identity(one, has_virtual);
    IF wanted IS NOT NULL THEN
      BEGIN
        PERFORM @schema@.alter_quietly(format('ALTER TABLE ONLY %s REPLICA IDENTITY %s', one::regclass, wanted));
        RETURN listed OR NOT pg_relation_is_publishable(one) OR @schema@.publish('.rows', one);
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
    END IF;
  END IF;
  IF NOT listed THEN
    RETURN true;
  END IF;
  IF @schema@.unpublish('.rows', one) THEN
    RETURN identity = 'n';
  END IF;
  IF identity = 'n' AND NOT has_virtual AND @schema@.is_locked(one) THEN
    PERFORM @schema@.alter_quietly(format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL', one::regclass));
    RAISE WARNING 'pulse: table % has REPLICA IDENTITY FULL, not NOTHING: another transaction holds the publication that has it', one::regclass;
    RETURN true;
  END IF;
  RAISE WARNING 'pulse: table % has no usable replica identity, and another transaction holds the publication that has it: UPDATE and DELETE on it fail until Pulse has taken it out', one::regclass;
  RETURN false;
END $body$;
)sql";

// The tables with columns of types that consist of the row types of these tables and composite
// types, which PostgreSQL does not describe anew when one of those is altered.
constexpr std::string_view users_sql = R"sql(
CREATE OR REPLACE FUNCTION @schema@.users_of(altered oid[]) RETURNS oid[]
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $body$
  WITH RECURSIVE users(classid, objid) AS (
    SELECT 'pg_type'::regclass::oid, reltype FROM pg_class WHERE oid = ANY (altered)
    UNION
    SELECT d.classid, d.objid
    FROM users u JOIN pg_depend d ON d.refclassid = u.classid AND d.refobjid = u.objid
    WHERE d.classid = 'pg_type'::regclass
       OR d.classid = 'pg_class'::regclass AND d.objsubid > 0 AND u.classid = 'pg_type'::regclass
  )
  SELECT array_agg(c.oid) FROM users u JOIN pg_class c ON c.oid = u.objid
  WHERE u.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
$body$;
)sql";

// What columns of these tables consist of, as the statement leaves it: read from the catalog, it
// would be what later statements have made of it. Names in hexadecimal digits, so that a blank in
// one is none. Bounded: of what has no room it is said that there is more to know.
constexpr std::string_view composites_sql = R"sql(
CREATE OR REPLACE FUNCTION @schema@.composites_of(tables oid[]) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $body$
  WITH RECURSIVE held(oid) AS (
    SELECT atttypid FROM pg_attribute
    WHERE attrelid = ANY (tables) AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384
    UNION
    SELECT inside.oid FROM held h JOIN pg_type t ON t.oid = h.oid CROSS JOIN LATERAL (
      SELECT t.typelem UNION ALL SELECT t.typbasetype
      UNION ALL
      SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid)
      UNION ALL
      SELECT a.atttypid FROM pg_attribute a
      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) inside (oid)
    WHERE inside.oid >= 16384),
  worded AS (
    SELECT t.oid, format('@%s=%s', t.oid, (
      SELECT string_agg(format('%s/%s/%s', encode(convert_to(a.attname::text, 'UTF8'), 'hex'), a.atttypid, a.atttypmod),
                        ',' ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)) AS word
    FROM held h JOIN pg_type t ON t.oid = h.oid WHERE t.typtype = 'c'),
  counted AS (
    SELECT oid, word, sum(length(word)) OVER (ORDER BY oid) AS bytes, row_number() OVER (ORDER BY oid) AS n FROM worded)
  -- Under an old snapshot attributes are those of its time, or those of two times.
  SELECT CASE WHEN current_setting('transaction_isolation') IN ('read committed', 'read uncommitted')
              THEN string_agg(CASE WHEN bytes <= 60000 THEN word ELSE '@' || oid END, ' ') FILTER (WHERE n <= 1000)
                   || CASE WHEN count(*) > 1000 THEN ' @*' ELSE '' END
              WHEN count(*) > 0 THEN '@*' END
  FROM counted
$body$;
)sql";

// Whatever goes wrong becomes a warning: the statement itself does not fail.
constexpr std::string_view note_sql = R"sql(
CREATE OR REPLACE FUNCTION @schema@.note() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5ms' AS $body$
DECLARE
  looked oid[];
  new_ones oid[];
  gone oid[];
  unsent oid[] := '{}';
  altered oid[];
  users oid[];
  one record;
  by_locks boolean := current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted');
  gave_full boolean := false;
  token text;
  composites text;
BEGIN
  IF current_setting('deadlock_timeout') = '1237ms' THEN
    RETURN;
  END IF;
  IF tg_event = 'ddl_command_end' THEN
    SELECT array_agg(DISTINCT c.oid),
           array_agg(DISTINCT c.oid) FILTER (WHERE d.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')),
           by_locks OR bool_or(EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid))
      INTO looked, new_ones, by_locks
      FROM pg_event_trigger_ddl_commands() d
      JOIN pg_class c ON c.oid = COALESCE((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = d.objid LIMIT 1), d.objid)
      WHERE d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't';
    -- Views and foreign tables have row types too.
    SELECT array_agg(DISTINCT d.objid) INTO altered
      FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
      WHERE d.classid = 'pg_class'::regclass AND c.relkind IN ('c', 'v', 'm', 'f');
    IF looked IS NULL AND altered IS NULL THEN
      RETURN;
    END IF;
  ELSE
    -- ALTER TABLE is looked at when it ends; DROP TABLE … CASCADE takes no more of other tables than columns.
    SELECT array_agg(DISTINCT objid) FILTER (WHERE object_type = 'table column'),
           array_agg(DISTINCT objid) FILTER (WHERE object_type = 'table'),
           array_agg(DISTINCT objid) FILTER (
             WHERE object_type IN ('composite type column', 'foreign table column')
               AND tg_tag NOT IN ('ALTER TYPE', 'ALTER FOREIGN TABLE')),
           (by_locks OR bool_or(object_type = 'index')) AND tg_tag NOT IN ('DROP TABLE', 'ALTER TABLE')
      INTO looked, gone, altered, by_locks
      FROM pg_event_trigger_dropped_objects() WHERE NOT is_temporary;
    IF looked IS NULL AND gone IS NULL AND altered IS NULL AND by_locks IS NOT TRUE THEN
      RETURN;
    END IF;
  END IF;
  -- What a statement reaches beside the object that it names (partitions, children, tables with a column of a dropped
  -- type) it has locked.
  IF by_locks THEN
    looked := looked || ARRAY(
      SELECT DISTINCT l.relation FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
      WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted
        AND l.mode IN ('AccessExclusiveLock', 'ShareUpdateExclusiveLock')
        AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384);
  END IF;
  users := @schema@.users_of(altered || looked);
  FOR one IN
    SELECT c.oid, c.relkind, c.relispartition, c.relreplident, c.relpersistence, c.oid = ANY (new_ones) IS TRUE AS is_new
    FROM pg_class c WHERE c.oid = ANY (looked) AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    ORDER BY c.relkind DESC, c.oid  -- partitions before partitioned tables
  LOOP
    BEGIN
      IF one.relkind = 'r' THEN
        -- Whether it was logged before, Pulse knows.
        IF one.relpersistence = 'u' AND NOT one.is_new THEN
          unsent := unsent || one.oid;
        END IF;
        IF one.is_new OR pg_relation_is_publishable(one.oid) THEN
          IF NOT @schema@.care_for(one.oid, one.is_new) THEN
            unsent := unsent || one.oid;
          END IF;
          gave_full := gave_full OR (one.relreplident <> 'f' AND EXISTS (
            SELECT 1 FROM pg_class WHERE oid = one.oid AND relreplident = 'f'));
        END IF;
      ELSE
        -- Rows of its partitions are described with its identity, so that it follows theirs.
        IF one.relreplident NOT IN ('n', 'f') AND (gave_full OR one.is_new)
           AND pg_get_replica_identity_index(one.oid) IS NULL
           AND NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = one.oid AND indisreplident)
           AND NOT @schema@.has_virtual_columns(one.oid) AND @schema@.is_locked(one.oid) THEN
          PERFORM @schema@.alter_quietly(format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL', one.oid::regclass));
        END IF;
        IF @by_root@ AND NOT one.relispartition AND pg_relation_is_publishable(one.oid)
           AND cardinality(@schema@.lists_with('.roots', one.oid)) = 0
           AND NOT @schema@.publish('.roots', one.oid) THEN
          unsent := unsent || one.oid;
        END IF;
      END IF;
    EXCEPTION WHEN OTHERS THEN
      unsent := unsent || one.oid;
      RAISE WARNING 'pulse: table %: %', one.oid::regclass, SQLERRM;
    END;
  END LOOP;
  -- Nobody else can read it, so that nobody else can say what was not sent.
  BEGIN
    SELECT last_value::text INTO token FROM @schema@.token;
    composites := @schema@.composites_of(looked || users);
  EXCEPTION WHEN OTHERS THEN composites := '@*';
  END;
  PERFORM pg_logical_emit_message(true, '@prefix@', '#' || COALESCE(token, '') || ' ' ||
      COALESCE(composites || ' ', '') ||
      CASE WHEN count(*) > 1000 THEN '*'
           ELSE string_agg(CASE WHEN oid = ANY (unsent) THEN '!' ELSE '' END || oid, ' ') END)
  FROM (SELECT DISTINCT unnest(looked || gone || users) AS oid) touched HAVING count(*) > 0;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'pulse: %', SQLERRM;
END $body$;
)sql";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string ddl_functions_sql(const publication_names& ours, int server_version) {
  std::string sql(helpers_sql);
  sql += care_sql;
  sql += users_sql;
  sql += composites_sql;
  sql += note_sql;
  replace_all(sql, "@schema@", quote_identifier(ddl_schema_of(ours)));
  replace_all(sql, "@base@", quote_literal(ours.base));
  replace_all(sql, "@lists@", std::to_string(lists_of_a_kind));
  replace_all(sql, "@prefix@", ddl_message_prefix);
  replace_all(sql, "@locks@", server_version >= locks_publications_version_min ? "true" : "false");
  replace_all(sql, "@by_root@", ours.roots.empty() ? "false" : "true");
  replace_all(sql, "@quiet@",
              server_version >= event_triggers_setting_version_min
                  ? "SET event_triggers = off"
                  : "SET session_replication_role = replica SET deadlock_timeout = '1237ms'");
  return sql;
}

}  // namespace pulse::source
