// Whether there is anything in a stretch of the log, found out without keeping the thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "change/position.hpp"
#include "change/relation.hpp"
#include "log/event_log.hpp"

namespace pulse::streams {

// How many bytes of the log searches look at in one turn: some milliseconds.
inline constexpr std::uint64_t searched_bytes_a_turn = std::uint64_t{4} << 20U;

// Looks for the first event of a table in a stretch: a portion at a time, since a quiet table's
// next event may be gigabytes away. One owner; not thread-safe. Must not outlive the log.
class event_search {
 public:
  event_search(const log::event_log& log, const position& after, table_id table,
               const position& through)
      : reader_(log.read(after, table)), after_(after), table_(table), through_(through) {}

  bool is_of(const position& after, table_id table) const {
    return after_ == after && table_ == table;
  }

  // Whether there is one. Nothing: it is not known yet, ask again. What is looked at is taken off
  // `bytes`. Errors as of log_reader::next().
  result<std::optional<bool>> look(std::uint64_t& bytes) {
    reader_->allow(bytes);
    const auto read = reader_->next();
    bytes = reader_->allowed();
    if (!read) return read.error();
    if (*read != nullptr) return std::optional((*read)->at <= through_);
    if (reader_->paused() && reader_->scanned_through() < through_) return std::optional<bool>();
    return std::optional(false);
  }

 private:
  std::unique_ptr<log::log_reader> reader_;
  position after_;
  table_id table_;
  position through_;
};

}  // namespace pulse::streams
