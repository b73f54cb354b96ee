// Where PostgreSQL's history ends at this moment.
#pragma once

#include <string>

#include "change/position.hpp"
#include "source/connection.hpp"

namespace pulse::source {

struct history_end {
  // On the timeline that PostgreSQL writes, with PostgreSQL's number.
  position at;
  // Everything that had committed before the question is before `at`, also with synchronous_commit
  // = off. False: only what had been flushed is.
  bool is_barrier = false;
  // Everything that had committed before the question is before it. A barrier: `at`. Otherwise
  // PostgreSQL may flush it later.
  position written;
  std::string refusal;  // why there is no barrier; empty if there is one
};

// Writes and flushes a transaction of one logical message with the prefix "pulse.end", and returns
// its place: the WAL is one sequence, so the flush takes all earlier commits with it. The
// transaction takes no lock, changes no row, and waits for no synchronous standby. It is in the
// stream of changes as a heartbeat is (replication.hpp). If PostgreSQL refuses it (a right was
// revoked, ids of transactions have run out, a file cannot grow), returns what PostgreSQL has
// flushed. On an SQL connection to a primary. Facts: PostgreSQL manual, "Replication Management
// Functions" and "Asynchronous Commit".
async_result<history_end> find_history_end(connection* database);

}  // namespace pulse::source
