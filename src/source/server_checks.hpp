// What a database needs before Pulse can stream from it; for setup and `pulse doctor`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/connection.hpp"

namespace pulse::source {

enum class severity { ok, warning, failure };

struct finding {
  severity level = severity::ok;
  std::string what;  // one line
  std::string why;   // what it leads to; empty when all is well
  std::string sql;   // what mends it, when SQL does
};

// The names of one project's objects in its database.
struct source_names {
  std::string slot;
  // The user's own publication; else the common start of the names of Pulse's publications
  // (publications.hpp).
  std::string publication;
  bool own_publication = false;  // used as it is, and left alone
};

// Slot and publication are called pulse_<project>, in characters that are valid in a slot's name.
source_names names_for(std::string_view project, std::string_view own_publication);

// Returns the names on this database. A slot belongs to a database, and its name to the whole
// cluster. If another database has a slot with this name, this one's slot has the database's OID
// appended.
async_result<source_names> names_in(connection* database, source_names names);

// The connected role.
struct role_facts {
  std::string name;
  bool superuser = false;
  bool replication = false;
};
async_result<role_facts> read_role(connection* database);

// From this version on, standbys can synchronise slots (`failover`).
inline constexpr int failover_server_version_min = 170000;

// Checks version, wal_level, rights, free slots and senders, synchronous_standby_names,
// publication, slot; and, for people, tables without a replica identity (setup finds these by
// itself, keyless_tables.hpp) and identity_checks.hpp.
enum class check_scope { capture, everything };
async_result<std::vector<finding>> check_server(connection* database, source_names names,
                                                check_scope scope);

}  // namespace pulse::source
