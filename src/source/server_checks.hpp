// What a database must have before Pulse can stream from it: asked by setup and by `pulse doctor`.
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

// What belongs to one project on its database.
struct source_names {
  std::string slot;
  // The user's own; else what the names of Pulse's publications begin with (publications.hpp).
  std::string publication;
  bool own_publication = false;  // used as it is, and left alone
};

// Slot and publication are called pulse_<project>, in the characters that a slot's name may have.
source_names names_for(std::string_view project, std::string_view own_publication);

// The same on this database. Slots belong to a database each, and their names to the whole cluster:
// where another database has the slot of this name, this one's has the database's OID behind it.
async_result<source_names> names_in(connection* database, source_names names);

// The role that is connected.
struct role_facts {
  std::string name;
  bool superuser = false;
  bool replication = false;
};
async_result<role_facts> read_role(connection* database);

// Slots that standbys take over (`failover`).
inline constexpr int failover_server_version_min = 170000;

// Version, wal_level, rights, free slots and senders, synchronous_standby_names, publication, slot;
// and, for people, keyless tables, which setup finds by itself (keyless_tables.hpp), and
// identity_checks.hpp.
enum class check_scope { capture, everything };
async_result<std::vector<finding>> check_server(connection* database, source_names names,
                                                check_scope scope);

}  // namespace pulse::source
