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

// Where events are looked for: between these positions, the later one included.
struct log_stretch {
  position after;
  position through;
  table_id table = 0;

  bool operator==(const log_stretch&) const = default;
};

// Looks for the first event of a stretch: a portion at a time, since a quiet table's next event may
// be gigabytes away. One stretch at a time. One owner; not thread-safe. Must not outlive the log.
class event_search {
 public:
  explicit event_search(const log::event_log& log) : log_(&log) {}

  // Whether there is one. Nothing: it is not known yet; asked for the same stretch again, continues
  // there. What is looked at is taken off `bytes`. Errors as of log_reader::next().
  result<std::optional<bool>> look(const log_stretch& where, std::uint64_t& bytes) {
    if (!reader_ || where != where_) {
      reader_ = log_->read(where.after, where.table);
      where_ = where;
    }
    reader_->allow(bytes);
    const auto read = reader_->next();
    bytes = reader_->allowed();
    if (read && *read == nullptr && reader_->paused() && reader_->scanned_through() < where.through)
      return std::optional<bool>();
    const bool found = read && *read != nullptr && (*read)->at <= where.through;
    reader_.reset();
    if (!read) return read.error();
    return std::optional(found);
  }

 private:
  const log::event_log* log_;
  std::unique_ptr<log::log_reader> reader_;  // of `where_`, which is not known yet
  log_stretch where_;
};

}  // namespace pulse::streams
