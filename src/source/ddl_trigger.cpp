#include "source/ddl_trigger.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

#include <fmt/format.h>

#include "source/ddl_functions.hpp"
#include "source/ownership.hpp"

namespace pulse::source {
namespace {

constexpr const char* old_schema = "pulse";
constexpr const char* old_trigger = "pulse_identify_keyless_tables";

std::string end_trigger(const publication_names& ours) {
  return ours.base + ".ddl";
}
std::string drop_trigger(const publication_names& ours) {
  return ours.base + ".drop";
}

// FNV-1a: tells versions of the functions apart.
std::string digest_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return fmt::format("Pulse, event triggers {:016x}", hash);
}

// Whose the schema is, what it says it has, and how many of the two triggers call into it as they
// should.
constexpr const char* state_sql = R"(
  SELECT pg_catalog.pg_has_role(n.nspowner, 'USAGE'), pg_catalog.obj_description(n.oid, 'pg_namespace'),
         (SELECT pg_catalog.count(*) FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc f ON f.oid = t.evtfoid
          WHERE t.evtname IN ($2, $3) AND t.evtenabled = 'A' AND t.evttags IS NULL AND f.pronamespace = n.oid)
  FROM pg_catalog.pg_namespace n WHERE n.nspname = $1)";

// Where the triggers' token is kept: a sequence is published by nothing, survives crashes and
// promotions, and is read by nobody without the right to.
constexpr const char* token_name = "token";

// Random, of 62 bits.
std::string new_token() {
  std::random_device random;
  const auto high = std::uint64_t{random()} << 32U;
  return std::to_string(((high | random()) >> 2U) + 1);
}

// Functions of Pulse's in the schema, as DROP FUNCTION, and the token's sequence; and whether the
// schema is Pulse's with nothing else in it.
constexpr const char* leftovers_sql = R"(
  WITH trusted AS (SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper OR rolname = current_user),
       functions AS (SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                     WHERE n.nspname = $1 AND p.proname = ANY ($2::pg_catalog.text[])
                       AND p.proowner IN (SELECT oid FROM trusted)),
       tokens AS (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname = $1 AND c.relname = $3 AND c.relkind = 'S'
                    AND c.relowner IN (SELECT oid FROM trusted))
  SELECT COALESCE((SELECT pg_catalog.string_agg(pg_catalog.format('DROP FUNCTION %s;', f.oid::pg_catalog.regprocedure), '')
                   FROM functions f), '') ||
         COALESCE((SELECT pg_catalog.format('DROP SEQUENCE %s;', t.oid::pg_catalog.regclass) FROM tokens t), ''),
         n.nspowner IN (SELECT oid FROM trusted)
           AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                           WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = n.oid
                             AND NOT (d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                                      AND d.objid IN (SELECT oid FROM functions))
                             AND NOT (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                      AND d.objid IN (SELECT oid FROM tokens)))
  FROM pg_catalog.pg_namespace n WHERE n.nspname = $1)";

// Empty: there is none, or it is none that only Pulse's role can read.
async_result<std::string> read_token(connection* database, std::string schema) {
  const auto found = co_await database->query(
      R"(SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'S' AND c.relacl IS NOT NULL
           AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
           AND NOT EXISTS (SELECT 1 FROM pg_catalog.aclexplode(c.relacl) a WHERE a.grantee <> c.relowner))",
      with(schema, std::string(token_name)));
  if (!found) co_return wrap("reading the event triggers' token", found.error());
  if (found->empty()) co_return std::string();
  const auto read = co_await database->query("SELECT last_value FROM " + quote_identifier(schema) +
                                             "." + token_name);
  if (!read) co_return wrap("reading the event triggers' token", read.error());
  co_return std::string(read->value(0));
}

// Default privileges may give it to others at once.
std::string token_sql(const std::string& schema, const std::string& token) {
  const auto name = schema + "." + token_name;
  return fmt::format(R"(
    DROP SEQUENCE IF EXISTS {0}; CREATE SEQUENCE {0} START {1}; REVOKE ALL ON SEQUENCE {0} FROM PUBLIC;
    DO $body$
    DECLARE
      made pg_catalog.regclass := {2};
      other pg_catalog.regrole;
    BEGIN
      FOR other IN SELECT DISTINCT a.grantee FROM pg_catalog.pg_class c CROSS JOIN pg_catalog.aclexplode(c.relacl) a
                   WHERE c.oid = made AND a.grantee <> c.relowner
      LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON SEQUENCE %s FROM %s', made, other);
      END LOOP;
    END $body$;)",
                     name, token, quote_literal(name));
}

constexpr std::string_view before_place = ", since ";

// Of the schema's comment. Nothing: it is of other functions, or the place was not noted yet.
std::optional<lsn> place_in(std::string_view comment, std::string_view digest) {
  if (!comment.starts_with(digest)) return std::nullopt;
  comment.remove_prefix(digest.size());
  if (!comment.starts_with(before_place)) return std::nullopt;
  return parse_lsn(comment.substr(before_place.size()));
}

// Once the triggers are committed: what has committed before this place may have passed them by.
async_result<lsn> note_place(connection* database, std::string schema, std::string digest) {
  const auto read =
      co_await database->query("SELECT pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text");
  if (!read) co_return wrap("asking from where on event triggers are there", read.error());
  const auto place = read->value(0);
  const auto since = parse_lsn(place);
  if (!since) {
    co_return error{errc::protocol, "PostgreSQL answered '" + place + "' for its WAL position",
                    "report this with PostgreSQL's version"};
  }
  const auto comment = quote_literal(digest + std::string(before_place) + place);
  const auto noted =
      co_await database->query(fmt::format("COMMENT ON SCHEMA {} IS {}", schema, comment));
  if (!noted) co_return wrap("noting from where on event triggers are there", noted.error());
  co_return *since;
}

std::vector<std::string> function_names() {
  return {"note",          "care_for",  "unpublish",         "publish",
          "lists_with",    "is_locked", "possible_identity", "has_virtual_columns",
          "alter_quietly", "users_of",  "composites_of"};
}

}  // namespace

async_result<ddl_triggers> install_ddl_triggers(connection* database, source_names names) {
  const auto ours = publications_of(names, database->server_version());
  const auto functions = ddl_functions_sql(ours, database->server_version());
  const auto digest = digest_of(functions);
  const auto schema = quote_identifier(ddl_schema_of(ours));
  const auto there = co_await database->query(
      state_sql, with(ddl_schema_of(ours), end_trigger(ours), drop_trigger(ours)));
  if (!there) co_return wrap("looking for the event triggers", there.error());
  auto token = co_await read_token(database, ddl_schema_of(ours));
  if (!token) co_return token.error();
  // A statement that runs meanwhile may be about to call a function: none is dropped for nothing.
  if (!there->empty() && there->value(2) == "2" && !token->empty()) {
    if (const auto since = place_in(there->value(1), digest))
      co_return ddl_triggers{*token, *since};
  }
  // Fails where somebody else has made the schema since it was looked for.
  std::string sql = "BEGIN; SET LOCAL lock_timeout = '200ms';";
  if (there->empty()) sql += "CREATE SCHEMA " + schema + ";";
  sql += "REVOKE ALL ON SCHEMA " + schema + " FROM PUBLIC;";
  // One that is there goes on: messages with it may not have been read yet.
  if (token->empty()) {
    token = new_token();
    sql += token_sql(schema, *token);
  }
  sql += functions;
  sql += fmt::format("COMMENT ON SCHEMA {} IS {};", schema, quote_literal(digest));
  for (const auto& [name, event] : {std::pair(end_trigger(ours), "ddl_command_end"),
                                    std::pair(drop_trigger(ours), "sql_drop")}) {
    const auto trigger = quote_identifier(name);
    sql += fmt::format(
        "DROP EVENT TRIGGER IF EXISTS {0}; CREATE EVENT TRIGGER {0} ON {1} EXECUTE FUNCTION "
        "{2}.note(); ALTER EVENT TRIGGER {0} ENABLE ALWAYS;",
        trigger, event, schema);
  }
  const auto installed = co_await database->query(sql);
  auto outcome = installed ? result<void>() : result<void>(installed.error());
  // A function that is replaced stays in the hands that it is in: what was made or given away since
  // the last look is found before anything of this can run.
  if (outcome) outcome = co_await refuse_what_others_own(database, names);
  if (outcome) {
    const auto committed = co_await database->query("COMMIT");
    if (!committed) outcome = committed.error();
  }
  if (!outcome) {
    co_await database->query("ROLLBACK");
    co_return wrap("installing the event triggers", outcome.error());
  }
  const auto since = co_await note_place(database, schema, digest);
  if (!since) co_return since.error();
  co_return ddl_triggers{*token, *since};
}

std::string ddl_schema_of(const publication_names& ours) {
  return ours.base + ".ddl";
}

std::vector<std::string> ddl_triggers_of(const publication_names& ours) {
  return {end_trigger(ours), drop_trigger(ours), old_trigger};
}

async_result<> drop_ddl_triggers(connection* database, publication_names ours,
                                 std::vector<finding>* report) {
  const auto there = co_await database->query(
      leftovers_sql,
      with(ddl_schema_of(ours), text_array(function_names()), std::string(token_name)));
  if (!there) co_return wrap("looking for the event triggers", there.error());
  if (there->empty()) co_return result<void>();
  std::string sql = "BEGIN;";
  for (const auto& name : {end_trigger(ours), drop_trigger(ours)})
    sql += fmt::format("DROP EVENT TRIGGER IF EXISTS {};", quote_identifier(name));
  sql += there->value(0);
  const bool schema_too = there->value(1) == "t";
  if (schema_too) sql += fmt::format("DROP SCHEMA {};", quote_identifier(ddl_schema_of(ours)));
  if (auto dropped = co_await database->query(sql + " COMMIT"); !dropped) {
    co_await database->query("ROLLBACK");
    co_return wrap("dropping the event triggers", dropped.error());
  }
  report->push_back(
      accomplished(schema_too ? "dropped the event triggers and the schema " + ddl_schema_of(ours)
                              : "dropped the event triggers; left the schema " +
                                    ddl_schema_of(ours) + ": other roles own it, or use it"));
  co_return result<void>();
}

async_result<> drop_old_trigger(connection* database, publication_names ours,
                                std::vector<finding>* report) {
  const auto needed = co_await database->query(R"(
    SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtname = $2),
           EXISTS (SELECT 1 FROM pg_catalog.pg_publication p
                   WHERE p.puballtables AND p.pubupdate AND pg_catalog.starts_with(p.pubname::pg_catalog.text, 'pulse_')
                     AND p.pubname <> $1))",
                                               with(ours.old, std::string(old_trigger)));
  if (!needed) co_return wrap("looking for the event trigger", needed.error());
  if (needed->value(0) != "t" || needed->value(1) == "t") co_return result<void>();
  std::vector<std::string> function{"identify_keyless_tables"};
  const auto there = co_await database->query(
      leftovers_sql, with(std::string(old_schema), text_array(function), std::string(token_name)));
  if (!there) co_return wrap("looking for the event trigger", there.error());
  std::string sql = fmt::format("BEGIN; DROP EVENT TRIGGER {};", quote_identifier(old_trigger));
  const bool schema_too = there->value(1) == "t";
  sql += there->value(0);
  if (schema_too) sql += fmt::format("DROP SCHEMA {};", quote_identifier(old_schema));
  if (auto dropped = co_await database->query(sql + " COMMIT"); !dropped) {
    co_await database->query("ROLLBACK");
    co_return wrap("dropping the event trigger", dropped.error());
  }
  report->push_back(accomplished(
      schema_too
          ? "dropped the event trigger and the schema pulse"
          : "dropped the event trigger; left the schema pulse: other roles own it, or use it"));
  co_return result<void>();
}

}  // namespace pulse::source
