#include "source/server_checks.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "source/encoding_checks.hpp"
#include "source/identity_checks.hpp"
#include "source/keyless_tables.hpp"
#include "source/numbers.hpp"
#include "source/ownership.hpp"
#include "source/publications.hpp"
#include "source/room_checks.hpp"

namespace pulse::source {
namespace {

// PostgreSQL cuts longer names.
constexpr std::size_t name_bytes_max = 63;
constexpr int version_min = 120000;

finding good(std::string what) {
  return {severity::ok, std::move(what), {}, {}};
}

constexpr const char* settings_sql = R"(
  SELECT current_setting('server_version'), current_setting('server_version_num'), current_setting('wal_level'),
         current_setting('max_replication_slots'), (SELECT count(*) FROM pg_replication_slots),
         EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = $1),
         current_setting('max_wal_senders'),
         (SELECT count(*) FROM pg_stat_replication WHERE NOT coalesce(usename = current_user AND application_name = current_setting('application_name'), false)),
         current_setting('synchronous_standby_names'), current_setting('max_slot_wal_keep_size', true),
         pg_is_in_recovery(),
         EXISTS (SELECT 1 FROM pg_stat_replication
                 WHERE usename = current_user AND application_name = current_setting('application_name')))";

finding check_version(const std::string& version, const std::string& number) {
  if (number_in<int>(number) >= version_min) return good("PostgreSQL " + version);
  return {severity::failure, "PostgreSQL " + version, "Pulse needs PostgreSQL 12 or later", {}};
}

finding check_wal_level(const std::string& level) {
  if (level == "logical") return good("wal_level is logical");
  return {severity::failure, "wal_level is " + level,
          "logical replication needs wal_level = logical, which takes effect after a restart of "
          "PostgreSQL",
          "ALTER SYSTEM SET wal_level = 'logical';"};
}

finding check_synchronous(const std::string& names) {
  if (names.empty()) return good("synchronous_standby_names is empty");
  const bool any = names.find('*') != std::string::npos || names.find("pulse") != std::string::npos;
  if (!any) return good("synchronous_standby_names does not match Pulse");
  return {severity::warning, "synchronous_standby_names is '" + names + "' and matches Pulse",
          "every commit could wait for Pulse's confirmation",
          "ALTER SYSTEM SET synchronous_standby_names = '<your standbys by name>'; SELECT "
          "pg_reload_conf();"};
}

finding check_role(const role_facts& role) {
  if (role.superuser || role.replication) {
    return good(
        fmt::format("role {} may replicate{}", role.name, role.superuser ? " (superuser)" : ""));
  }
  return {severity::failure, fmt::format("role {} may not replicate", role.name),
          "reading the write-ahead log needs the REPLICATION attribute",
          fmt::format("ALTER ROLE {} REPLICATION;", quote_identifier(role.name))};
}

// A standby that is promoted must have the slot, and must not lack what was captured.
async_result<> check_failover(connection* database, source_names names,
                              std::vector<finding>* findings) {
  const auto found = co_await database->query(R"(
    SELECT (SELECT failover FROM pg_replication_slots WHERE slot_name = $1),
           current_setting('synchronized_standby_slots'),
           (SELECT string_agg(slot_name, ',') FROM pg_replication_slots WHERE slot_type = 'physical'))",
                                              with(names.slot));
  if (!found) co_return found.error();
  if (found->value(0) == "f") {
    findings->push_back({severity::warning,
                         "replication slot " + names.slot + " is not synchronised to standbys",
                         "after a promotion, the slot is missing, and changes are missing (a gap)",
                         {}});
  } else {
    findings->push_back(good("standbys with sync_replication_slots = on synchronise the slot"));
  }
  if (const auto physical = found->value(2); !physical.empty() && found->value(1).empty()) {
    findings->push_back(
        {severity::warning, "synchronized_standby_slots is empty, and there are standbys",
         "Pulse may capture changes that a standby does not have yet: if that standby is promoted, "
         "these events are orphaned (a gap)",
         "ALTER SYSTEM SET synchronized_standby_slots = " + quote_literal(physical) +
             "; SELECT pg_reload_conf();"});
  }
  co_return result<void>();
}

void check_keyless(const std::vector<keyless_table>& tables, const source_names& names,
                   bool is_published, std::vector<finding>& findings) {
  if (tables.empty())
    findings.push_back(good("every table that is published has a replica identity"));
  for (const auto& table : tables) {
    finding one{severity::failure,
                fmt::format("table {}.{} has no replica identity", table.schema, table.name),
                {},
                table.mend()};
    if (names.own_publication) {
      one.why = "once it is published, every UPDATE and DELETE on it fails";
    } else if (table.nothing) {
      one = {severity::warning,
             fmt::format("table {}.{} has REPLICA IDENTITY NOTHING", table.schema, table.name),
             "its INSERTs and TRUNCATEs are captured, its UPDATEs and DELETEs are not",
             {}};
    } else {
      // Before anything is published the user decides.
      if (is_published) one.level = severity::warning;
      one.why = "its INSERTs and TRUNCATEs can be captured, its UPDATEs and DELETEs cannot";
    }
    if (table.identity.empty()) one.why += "; " + table.needs_key();
    findings.push_back(std::move(one));
  }
}

// The project's own publication, or those that Pulse makes. Whether any is there.
async_result<bool> check_publications(connection* database, source_names names, check_scope scope,
                                      std::vector<finding>* findings) {
  if (names.own_publication) {
    const auto found = co_await database->query(
        "SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = $1", with(names.publication));
    if (!found) co_return found.error();
    if (found->empty()) {
      // Where capture begins setup says so, after the database has been told from others.
      if (scope == check_scope::everything) {
        findings->push_back({severity::failure, "no publication " + names.publication,
                             "the settings name it",
                             fmt::format("CREATE PUBLICATION {} FOR ALL TABLES;",
                                         quote_identifier(names.publication))});
      }
    } else {
      findings->push_back(good("publication " + names.publication + " is there"));
    }
    co_return !found->empty();
  }
  const auto ours = publications_of(names, database->server_version());
  const auto there = co_await read_publications(database, ours);
  if (!there) co_return there.error();
  std::string missing;
  std::string altered;
  for (const auto& name : ours.every()) {
    const auto found = std::ranges::find(*there, name, &publication_row::name);
    if (found == there->end())
      missing += (missing.empty() ? "" : ", ") + name;
    else if (!found->has_its_flags)
      altered += (altered.empty() ? "" : ", ") + name;
  }
  if (there->empty()) {
    findings->push_back(
        good(fmt::format("`pulse serve` creates the publications {}.*", ours.base)));
  } else if (missing.empty() && altered.empty()) {
    findings->push_back(good(fmt::format("the publications {}.* exist", ours.base)));
  }
  if (!there->empty() && !missing.empty()) {
    findings->push_back({severity::warning,
                         "publications are missing: " + missing,
                         "`pulse serve` creates them when it connects",
                         {}});
  }
  if (!altered.empty()) {
    findings->push_back({severity::warning,
                         "publications have been altered: " + altered,
                         "`pulse serve` corrects them when it connects",
                         {}});
  }
  co_return !there->empty();
}

}  // namespace

source_names names_for(std::string_view project, std::string_view own_publication) {
  std::string name = "pulse_";
  for (const char c : project) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    name += plain ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '_';
  }
  name.resize(std::min(name.size(), name_bytes_max));
  return {name, own_publication.empty() ? name : std::string(own_publication),
          !own_publication.empty()};
}

async_result<source_names> names_in(connection* database, source_names names) {
  const auto found = co_await database->query(
      "SELECT own.name, named.slot_name IS NOT NULL, named.database <> d.datname, "
      "EXISTS (SELECT 1 FROM pg_replication_slots s "
      "        WHERE s.slot_name = own.name AND s.database = d.datname) "
      "FROM pg_database d "
      "CROSS JOIN LATERAL (SELECT left($1, 52) || '_' || d.oid AS name) own "
      "LEFT JOIN pg_replication_slots named ON named.slot_name = $1 "
      "WHERE d.datname = current_database()",
      with(names.slot));
  if (!found) co_return wrap("looking for the replication slot", found.error());
  const bool is_there = found->value(1) == "t";
  const bool is_anothers = found->value(2) == "t";
  const bool has_own = found->value(3) == "t";
  if (is_anothers || (!is_there && has_own)) names.slot = found->value(0);
  co_return names;
}

async_result<role_facts> read_role(connection* database) {
  // Some hosts give replication by membership in a role of their own instead of the attribute.
  const auto found = co_await database->query(R"(
    SELECT r.rolname, r.rolsuper,
           r.rolreplication OR EXISTS (SELECT 1 FROM pg_roles g WHERE g.rolname IN ('rds_replication', 'cloudsqlsuperuser')
                                       AND pg_has_role(r.oid, g.oid, 'MEMBER'))
    FROM pg_roles r WHERE r.rolname = current_user)");
  if (!found) co_return found.error();
  co_return role_facts{found->value(0), found->value(1) == "t", found->value(2) == "t"};
}

async_result<std::vector<finding>> check_server(connection* database, source_names names,
                                                check_scope scope) {
  std::vector<finding> findings;
  const auto settings = co_await database->query(settings_sql, with(names.slot));
  if (!settings) co_return settings.error();
  findings.push_back(check_version(settings->value(0), settings->value(1)));
  findings.push_back(check_wal_level(settings->value(2)));
  if (settings->value(10) == "t") {
    findings.push_back(
        {severity::failure, "PostgreSQL is a standby", "connect to the primary", {}});
  }
  const auto role = co_await read_role(database);
  if (!role) co_return role.error();
  findings.push_back(check_role(*role));
  const bool has_slot = settings->value(5) == "t";
  // All of a project's connections have one application_name.
  findings.push_back(check_room({"replication slots", "max_replication_slots",
                                 "a slot of another project or of a standby",
                                 number_in<int>(settings->value(4)) - (has_slot ? 1 : 0), has_slot,
                                 number_in<int>(settings->value(3))}));
  findings.push_back(check_room({"WAL senders", "max_wal_senders",
                                 "a standby, a backup, or a new connection of Pulse",
                                 number_in<int>(settings->value(7)), settings->value(11) == "t",
                                 number_in<int>(settings->value(6))}));
  findings.push_back(check_synchronous(settings->value(8)));
  if (const auto keep = settings->value(9); !keep.empty() && keep != "-1") {
    findings.push_back({severity::warning,
                        "max_slot_wal_keep_size is " + keep,
                        "if PostgreSQL writes more WAL than this while Pulse is stopped, the slot "
                        "is lost and changes are missing (a gap)",
                        {}});
  }
  if (scope == check_scope::everything &&
      database->server_version() >= failover_server_version_min) {
    if (auto checked = co_await check_failover(database, names, &findings); !checked)
      co_return checked.error();
  }
  const auto is_published = co_await check_publications(database, names, scope, &findings);
  if (!is_published) co_return is_published.error();
  if (scope == check_scope::everything) {
    const auto foreign = co_await check_ownership(database, names);
    if (!foreign) co_return foreign.error();
    findings.insert(findings.end(), foreign->begin(), foreign->end());
    if (foreign->empty())
      findings.push_back(good("no object with Pulse's names belongs to another role"));
    // Named first: g++ 12 destroys the temporary of a conditional in a co_await expression twice.
    const std::string scope_of_tables = names.own_publication ? names.publication : "";
    const auto keyless = co_await find_keyless_tables(database, scope_of_tables);
    if (!keyless) co_return keyless.error();
    check_keyless(*keyless, names, *is_published, findings);
    if (auto checked = co_await check_identities(database, names, &findings); !checked)
      co_return checked.error();
    if (auto checked = co_await check_encoding(database, &findings); !checked)
      co_return checked.error();
  }
  findings.push_back(good(has_slot ? "replication slot " + names.slot + " is there"
                                   : "replication slot " + names.slot +
                                         " does not exist yet; `pulse serve` creates it"));
  co_return findings;
}

}  // namespace pulse::source
