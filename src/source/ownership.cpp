#include "source/ownership.hpp"

#include <fmt/format.h>

#include "source/ddl_trigger.hpp"
#include "source/publications.hpp"

namespace pulse::source {
namespace {

// A superuser needs no Pulse to gain anything: what is his is as good as Pulse's own. A role that
// is none makes no functions, so that a schema of somebody else's stops nobody there. $1: the
// schema, $2: the event triggers, $3: the publications.
constexpr const char* foreign_sql = R"(
  WITH trusted AS (SELECT oid FROM pg_roles WHERE rolsuper OR rolname = current_user),
       pulse AS (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  SELECT 'schema', format('%I', n.nspname), pg_get_userbyid(n.nspowner),
         format('ALTER SCHEMA %I OWNER TO %I;', n.nspname, current_user)
  FROM pg_namespace n, pulse
  WHERE n.nspname = $1 AND pulse.rolsuper AND n.nspowner NOT IN (SELECT oid FROM trusted)
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, pg_get_userbyid(p.proowner),
         format('DROP FUNCTION %s CASCADE;', p.oid::regprocedure)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, pulse
  WHERE n.nspname = $1 AND pulse.rolsuper
    AND p.proowner NOT IN (SELECT oid FROM trusted)
  UNION ALL
  SELECT 'event trigger', format('%I', e.evtname), pg_get_userbyid(e.evtowner),
         format('DROP EVENT TRIGGER %I;', e.evtname)
  FROM pg_event_trigger e
  WHERE e.evtname = ANY ($2::text[]) AND e.evtowner NOT IN (SELECT oid FROM trusted)
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, pg_get_userbyid(p.proowner),
         format('DROP EVENT TRIGGER %I;', e.evtname)
  FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE e.evtname = ANY ($2::text[]) AND n.nspname <> $1 AND p.proowner NOT IN (SELECT oid FROM trusted)
  UNION ALL
  SELECT 'publication', format('%I', p.pubname), pg_get_userbyid(p.pubowner),
         format('DROP PUBLICATION %I;', p.pubname)
  FROM pg_publication p WHERE p.pubname = ANY ($3::text[]) AND p.pubowner NOT IN (SELECT oid FROM trusted))";

// Row filters and lists of columns are there from PostgreSQL 15 on: as JSON, a row can be asked for
// a column that it may not have.
constexpr const char* partial_sql = R"(
  SELECT r.prrelid::regclass::text, (to_jsonb(r) ->> 'prqual') IS NOT NULL, format('%I', p.pubname)
  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  WHERE p.pubname = $1 AND COALESCE(to_jsonb(r) ->> 'prqual', to_jsonb(r) ->> 'prattrs') IS NOT NULL
  ORDER BY 1)";

finding foreign(const query_rows::row& row) {
  return {severity::failure,
          fmt::format("{} {} belongs to role {}", row[0].value_or(""), row[1].value_or(""),
                      row[2].value_or("")),
          "Pulse does not use objects of other roles: these could run code with its rights, or "
          "omit changes",
          row[3].value_or("")};
}

finding partial(const query_rows::row& row) {
  const auto table = row[0].value_or("");
  const auto publication = row[2].value_or("");
  return {severity::failure,
          fmt::format("publication {} has a {} for table {}", publication,
                      row[1] == "t" ? "row filter" : "list of columns", table),
          "Pulse publishes whole tables: the omitted rows or columns would be missing in every "
          "stream. To use a publication of your own, give it another name and set `publication`",
          fmt::format("ALTER PUBLICATION {0} DROP TABLE ONLY {1}; ALTER PUBLICATION {0} ADD TABLE "
                      "ONLY {1};",
                      publication, table)};
}

}  // namespace

async_result<std::vector<finding>> check_ownership(connection* database, source_names names) {
  const auto ours = publications_of(names, database->server_version());
  // Those of earlier versions too; of a publication of the user's own there are no others.
  std::vector<std::string> publications;
  std::string schema;
  std::string publication;
  if (!names.own_publication) {
    schema = ddl_schema_of(ours);
    publication = ours.old;
    publications = ours.every();
    publications.push_back(ours.old);
  }
  const auto found = co_await database->query(
      foreign_sql, with(schema, text_array(ddl_triggers_of(ours)), text_array(publications)));
  if (!found) co_return wrap("reading the owners of Pulse's objects", found.error());
  const auto parts = co_await database->query(partial_sql, with(publication));
  if (!parts) co_return wrap("reading the publication's filters and columns", parts.error());
  std::vector<finding> findings;
  for (const auto& row : found->rows()) findings.push_back(foreign(row));
  for (const auto& row : parts->rows()) findings.push_back(partial(row));
  co_return findings;
}

async_result<bool> disarm_foreign_trigger(connection* database, source_names names) {
  const auto ours = publications_of(names, database->server_version());
  const auto armed = co_await database->query(R"(
    SELECT format('DROP EVENT TRIGGER IF EXISTS %I', e.evtname)
    FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
    WHERE e.evtname = ANY ($1::text[]) AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
      AND p.proowner NOT IN (SELECT oid FROM pg_roles WHERE rolsuper))",
                                              with(text_array(ddl_triggers_of(ours))));
  if (!armed) co_return wrap("reading the event trigger's function", armed.error());
  if (armed->empty()) co_return false;
  for (const auto& row : armed->rows()) {
    const auto dropped = co_await database->query(row[0].value_or(""));
    if (!dropped) co_return wrap("dropping the event trigger", dropped.error());
  }
  co_return true;
}

async_result<> refuse_what_others_own(connection* database, source_names names) {
  const auto found = co_await check_ownership(database, std::move(names));
  if (!found) co_return found.error();
  if (found->empty()) co_return result<void>();
  const auto& first = found->front();
  std::string what = first.what;
  for (std::size_t i = 1; i < found->size(); ++i) what += "; " + (*found)[i].what;
  co_return error{errc::unauthorized, std::move(what),
                  first.why + ". Find out its purpose, then run: " + first.sql};
}

}  // namespace pulse::source
