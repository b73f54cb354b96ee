// Which transactions a new snapshot sees.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// What pg_current_snapshot() says (manual, section 9.27.6, table "Snapshot Components").
// Transaction ids are 64-bit there: they do not wrap around.
struct snapshot {
  std::uint64_t xmin = 0;                  // every transaction before it has ended
  std::uint64_t xmax = 0;                  // none from it on had ended
  std::vector<std::uint64_t> in_progress;  // top-level transactions in between; rising
  // From read_snapshot_and_end(): no transaction from it on had begun. A commit that waits has not
  // ended, and may be at xmax or behind it.
  std::uint64_t begun_before = 0;

  // Whether what a transaction wrote, which has committed or is about to, is seen. `xid` is a
  // top-level transaction's as the stream of changes gives it: the low 32 bits.
  bool sees(std::uint32_t xid) const;
  // Whether that transaction and all before it have ended.
  bool all_ended_through(std::uint32_t xid) const;

 private:
  std::uint64_t widen(std::uint32_t xid) const;
};

// "10:20:10,14,15". errc::protocol: it is no snapshot.
result<snapshot> parse_snapshot(std::string_view text);

// Asked on an SQL connection to the primary: what it sees, every snapshot sees that is taken later.
async_result<snapshot> read_snapshot(connection* database);
// As well as that, where transaction ids end: takes one. Waits for no standby, since the
// transaction writes nothing.
async_result<snapshot> read_snapshot_and_end(connection* database);

}  // namespace pulse::source
