#include "source/keyless_tables.hpp"

#include <string_view>

#include <fmt/format.h>

#include "source/ownership.hpp"

namespace pulse::source {
namespace {

// Never makes the application's own command fail: whatever goes wrong becomes a warning. Runs as
// the superuser who made it, with a fixed search path, and touches only the table that was just
// made or altered, and its partitions.
constexpr std::string_view trigger_function_body = R"(
  DECLARE
    keyless record;
  BEGIN
    FOR keyless IN
      SELECT DISTINCT c.oid::regclass AS name, virtual.there AS has_virtual,
             EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate) AS has_key
      FROM pg_event_trigger_ddl_commands() d
      JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
      CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM pg_attribute a
                                         WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)
                                 AS there) virtual
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND (c.relreplident <> 'f' OR virtual.there)
        AND c.relnamespace <> 'information_schema'::regnamespace AND c.relnamespace::regnamespace::text !~ '^pg_'
        AND NOT EXISTS (SELECT 1 FROM pg_index i
                        WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
                          AND ((c.relreplident = 'd' AND i.indisprimary)
                               OR (c.relreplident = 'i' AND i.indisreplident)))
    LOOP
      IF keyless.has_virtual AND NOT keyless.has_key THEN
        RAISE WARNING 'pulse: % has virtual generated columns and no primary key: it has no replica identity, and its UPDATEs and DELETEs fail', keyless.name;
      ELSE
        EXECUTE pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY %s', keyless.name,
                                  CASE WHEN keyless.has_virtual THEN 'DEFAULT' ELSE 'FULL' END);
      END IF;
    END LOOP;
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'pulse: a table could not be given a replica identity: %', SQLERRM;
  END
  )";

error keyless_error(const std::vector<keyless_table>& tables) {
  std::string names;
  std::string sql;
  for (const auto& table : tables) {
    names += (names.empty() ? "" : ", ") + table.schema + "." + table.name;
    sql += (sql.empty() ? "" : " ") + table.mend();
  }
  return {errc::conflict,
          fmt::format("{} table(s) have no replica identity, and publishing them would make every "
                      "UPDATE and DELETE on "
                      "them fail: {}",
                      tables.size(), names),
          "run this SQL, or start with --fix to have it done: " + sql};
}

}  // namespace

std::string keyless_table::mend() const {
  return fmt::format("ALTER TABLE {}.{} REPLICA IDENTITY {};", quote_identifier(schema),
                     quote_identifier(name), identity);
}

std::string keyless_table::needs_key() const {
  return fmt::format(
      "table {}.{} has virtual generated columns, with which REPLICA IDENTITY FULL is of no use: "
      "give it a primary key, or a unique index on columns that are NOT NULL",
      schema, name);
}

async_result<std::vector<keyless_table>> find_keyless_tables(connection* database,
                                                             std::string in_publication) {
  const auto found = co_await database->query(R"(
    SELECT n.nspname, c.relname, pg_has_role(c.relowner, 'USAGE'),
           CASE WHEN NOT virtual.there THEN 'FULL'
                WHEN EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate)
                THEN 'DEFAULT'
                ELSE 'USING INDEX ' ||
                     (SELECT quote_ident(x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
                        AND i.indpred IS NULL AND i.indexprs IS NULL
                        AND NOT EXISTS (SELECT 1 FROM pg_attribute a
                                        WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull)
                      ORDER BY x.relname LIMIT 1) END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM pg_attribute a
                                       WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)
                               AS there) virtual
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND (c.relreplident <> 'f' OR virtual.there)
      AND n.nspname NOT IN ('information_schema', 'pulse') AND n.nspname !~ '^pg_'
      AND NOT EXISTS (SELECT 1 FROM pg_index i
                      WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
                        AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident)))
      AND ($1 = '' OR EXISTS (SELECT 1 FROM pg_publication_tables p
                              WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = c.relname))
    ORDER BY 1, 2)",
                                              with(in_publication));
  if (!found) co_return found.error();
  std::vector<keyless_table> tables;
  for (const auto& row : found->rows()) {
    tables.push_back(
        {row[0].value_or(""), row[1].value_or(""), row[2] == "t", row[3].value_or("")});
  }
  co_return tables;
}

result<void> can_be_published(const std::vector<keyless_table>& tables, bool fix) {
  for (const auto& table : tables) {
    if (table.identity.empty())
      return error{errc::conflict, table.needs_key(),
                   "without, publishing it makes every UPDATE and DELETE on it fail"};
  }
  if (!tables.empty() && !fix) return keyless_error(tables);
  return {};
}

async_result<> install_keyless_trigger(connection* database) {
  // Present and as this version makes it: nothing is made anew at each start.
  const auto present = co_await database->query(
      R"(
    SELECT n.oid IS NOT NULL, p.oid IS NOT NULL, e.oid IS NOT NULL,
           e.evtfoid = p.oid AND e.evtenabled <> 'D' AND p.prosrc = $3 AND p.prosecdef
             AND p.proconfig = '{"search_path=pg_catalog, pg_temp"}'
    FROM (SELECT $1::name AS name) named
    LEFT JOIN pg_namespace n ON n.nspname = named.name
    LEFT JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = $2 AND p.pronargs = 0
    LEFT JOIN pg_event_trigger e ON e.evtname = $4)",
      with(std::string(pulse_schema), std::string(keyless_function_name),
           std::string(trigger_function_body), std::string(keyless_trigger_name)));
  if (!present) co_return present.error();
  if (present->value(3) == "t") co_return result<void>();
  // One transaction. Made anew rather than replaced: CREATE OR REPLACE leaves a function with the
  // owner that it has, and without it a function that has come meanwhile makes this fail.
  const auto function =
      quote_identifier(pulse_schema) + "." + quote_identifier(keyless_function_name) + "()";
  const auto trigger = quote_identifier(keyless_trigger_name);
  std::string sql;
  if (present->value(2) == "t") sql += "DROP EVENT TRIGGER " + trigger + ";";
  if (present->value(1) == "t") sql += "DROP FUNCTION " + function + ";";
  if (present->value(0) != "t") sql += "CREATE SCHEMA " + quote_identifier(pulse_schema) + ";";
  sql += "CREATE FUNCTION " + function +
         " RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER "
         "SET search_path = pg_catalog, pg_temp AS $body$" +
         std::string(trigger_function_body) + "$body$;";
  sql += "CREATE EVENT TRIGGER " + trigger +
         " ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', "
         "'ALTER TABLE') EXECUTE FUNCTION " +
         function;
  const auto installed = co_await database->query(std::move(sql));
  if (!installed) co_return wrap("installing the event trigger", installed.error());
  co_return result<void>();
}

async_result<std::vector<finding>> remove_keyless_trigger(connection* database) {
  // What else is in the schema: functions, tables, types and whatever else depends on it.
  const auto present =
      co_await database->query(R"(
    WITH trusted AS (SELECT oid FROM pg_roles WHERE rolsuper OR rolname = current_user)
    SELECT EXISTS (SELECT 1 FROM pg_event_trigger WHERE evtname = $1),
           p.proowner IN (SELECT oid FROM trusted),
           n.nspowner IN (SELECT oid FROM trusted),
           EXISTS (SELECT 1 FROM pg_depend d
                   WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
                     AND NOT (d.classid = 'pg_proc'::regclass AND d.objid = COALESCE(p.oid, 0)))
    FROM (SELECT $2::name AS name) named
    LEFT JOIN pg_namespace n ON n.nspname = named.name
    LEFT JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = $3 AND p.pronargs = 0)",
                               with(std::string(keyless_trigger_name), std::string(pulse_schema),
                                    std::string(keyless_function_name)));
  if (!present) co_return present.error();
  const auto& row = present->rows().front();
  const std::string schema(pulse_schema);
  const bool own_function = row[1] == "t";
  const bool own_schema = row[2] == "t" && row[3] != "t" && row[1] != "f";
  std::vector<finding> report;
  std::string sql;
  const auto drop = [&](const std::string& statement, const std::string& what) {
    sql += statement + ";";
    report.push_back({severity::ok, "dropped " + what, {}, {}});
  };
  if (row[0] == "t") {
    drop(std::string("DROP EVENT TRIGGER ") + quote_identifier(keyless_trigger_name),
         "the event trigger");
  }
  if (own_function) {
    drop("DROP FUNCTION " + quote_identifier(schema) + "." +
             quote_identifier(keyless_function_name) + "()",
         "the event trigger's function");
  }
  if (own_schema) drop("DROP SCHEMA " + quote_identifier(schema), "the schema " + schema);
  if (!sql.empty()) {
    const auto dropped = co_await database->query(std::move(sql));
    if (!dropped) co_return wrap("dropping the event trigger", dropped.error());
  }
  if (row[2] && !own_schema) {
    report.push_back(
        {severity::ok, "left the schema " + schema + " alone: others own it, or use it", {}, {}});
  }
  co_return report;
}

}  // namespace pulse::source
