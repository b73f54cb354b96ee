// Publication, slot and event trigger: made so that no write of the application ever fails, and
// taken away again.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// What setup did and what it could not do, one line each.
using setup_report = std::vector<finding>;

// Makes the publication, unless it is the user's own: FOR ALL TABLES as superuser, else of the
// tables that the role owns (the report names those left out). Tables without a usable replica
// identity are found first, because publishing them makes every UPDATE and DELETE on them fail:
// errc::conflict with the SQL that mends them, or, with `fix`, they are given REPLICA IDENTITY FULL
// in the same step. As superuser also installs the event trigger that does the same for keyless
// tables made later, in their own transaction.
async_result<setup_report> set_up(connection* database, source_names names, bool fix);

// Makes the replication slot on a replication connection. PostgreSQL waits for transactions that
// are open: `waiting` is told which, on the same thread, when that takes long. Gives the slot's
// start.
struct created_slot {
  lsn start;
};
struct open_transaction {
  std::int32_t pid = 0;
  std::string since;
  std::string state;
};
using waiting_for = std::function<void(const std::vector<open_transaction>&)>;
async_result<created_slot> create_replication_slot(connection* replication, connection* database,
                                                   std::string slot, bool temporary,
                                                   waiting_for waiting);

// Removes slot, publication (not the user's own), event trigger and its schema. What is not there
// is no error. A slot that somebody uses is left, and said.
async_result<setup_report> tear_down(connection* database, source_names names);

}  // namespace pulse::source
