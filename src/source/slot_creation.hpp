// Creates a replication slot, and reports which transactions that waits for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"

namespace pulse::source {

struct created_slot {
  lsn start;
};

// A transaction of any database of the cluster that has written and is in progress.
struct open_transaction {
  std::int32_t pid = 0;  // 0: it is prepared, and no process has it
  std::string prepared;  // its identifier; empty: it is not prepared
  std::string database;
  std::string since;
  std::string state;
};
// Returns, for people, what it is and how to end it.
std::string describe(const open_transaction& open);
using waiting_for = std::function<void(const std::vector<open_transaction>&)>;

// Creates the slot on a replication connection; `database` asks meanwhile. PostgreSQL waits for all
// transactions in progress or prepared, of all databases. If that takes longer than 2 s, `waiting`
// is called with them every 2 s, on the same thread.
async_result<created_slot> create_replication_slot(connection* replication, connection* database,
                                                   std::string slot, bool temporary,
                                                   waiting_for waiting);

}  // namespace pulse::source
