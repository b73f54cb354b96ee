// Which transactions a new snapshot sees.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// The result of pg_current_snapshot() (manual, section 9.27.6, table "Snapshot Components").
// Transaction ids have 64 bits there: they do not wrap around.
struct snapshot {
  std::uint64_t xmin = 0;                  // every transaction before it has ended
  std::uint64_t xmax = 0;                  // none from it on had ended
  std::vector<std::uint64_t> in_progress;  // top-level transactions in between; rising
  // From read_snapshot_and_end(): no transaction from this one on had begun. A waiting commit has
  // not ended, and may be at or after xmax.
  std::uint64_t begun_before = 0;

  // Returns whether the changes of a transaction are visible that has committed or is about to.
  // `xid`: a top-level transaction's, as in the stream of changes (the low 32 bits).
  bool sees(std::uint32_t xid) const;
  // Returns whether that transaction and all before it have ended.
  bool all_ended_through(std::uint32_t xid) const;
  // Returns whether a top-level transaction has ended, by its whole id.
  bool has_ended(std::uint64_t xid) const;
  // Returns the whole id of a transaction that is not frozen by its low 32 bits.
  std::uint64_t widen(std::uint32_t xid) const;
};

// Parses "10:20:10,14,15". errc::protocol: no snapshot.
result<snapshot> parse_snapshot(std::string_view text);

// Reads a snapshot on an SQL connection to the primary. Every later snapshot sees what this one
// sees.
async_result<snapshot> read_snapshot(connection* database);
// The same, and the end of transaction ids, for which it takes one. Waits for no standby, because
// the transaction writes nothing.
async_result<snapshot> read_snapshot_and_end(connection* database);

}  // namespace pulse::source
