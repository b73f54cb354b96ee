// Where the transactions that have come lately committed, by their ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "change/position.hpp"

namespace pulse::capture {

// Ids are given out in order, so a table by their low bits has about the newest ones. A transaction
// that it lacks may have come all the same. One owner: the capture thread.
class recent_transactions {
 public:
  static constexpr std::size_t kept = 16'384;

  recent_transactions() : by_low_bits_(kept) {}

  // `through`: after all events of the transaction and before those of the next one.
  void add(std::uint32_t xid, const position& through) {
    by_low_bits_[xid % kept] = {xid, through.timeline, through.commit};
  }
  // `xid`: the low 32 bits of the id.
  std::optional<position> find(std::uint32_t xid) const {
    const auto& one = by_low_bits_[xid % kept];
    if (one.xid != xid || one.timeline == 0) return std::nullopt;
    return position{one.timeline, one.commit, one.commit, 0};
  }
  // Ids mean other transactions from now on.
  void forget() { by_low_bits_.assign(kept, {}); }

 private:
  struct transaction {
    std::uint32_t xid = 0;
    std::uint32_t timeline = 0;  // zero: there is none
    lsn commit;
  };
  std::vector<transaction> by_low_bits_;
};

}  // namespace pulse::capture
