// A stretch of the database's history that cannot be delivered as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "change/event.hpp"
#include "change/event_id.hpp"
#include "change/position.hpp"

namespace pulse {

enum class gap_kind {
  slot_missing,  // the replication slot was gone
  slot_lost,     // the server has dropped the WAL that the slot held
  slot_ahead,    // the slot begins after what is stored
  log_lost,      // what was stored before the slot's beginning is not here
  forked,        // a promoted server's history left what is stored: stored events never happened
  set_back,      // the database has become an older copy of itself: stored events may not be in it
  another_database,  // what is behind is another database's
  skipped,           // an operator skipped a change that could not be decoded
  damaged,           // stored events cannot be read any more
  unpublished,       // a publication was altered or dropped: the server did not send what it should
};

// As lists, metrics and the state store have it: "slot_missing".
std::string_view to_string(gap_kind kind) noexcept;
std::optional<gap_kind> parse_gap_kind(std::string_view text) noexcept;

// Found at the start of a connection's stream: it ends where capture resumes. The others are before
// capture's position, or just after it.
constexpr bool is_found_at_start(gap_kind kind) noexcept {
  return kind != gap_kind::skipped && kind != gap_kind::damaged && kind != gap_kind::unpublished;
}

// Stored events that the database does not have any more.
struct vanished_events {
  event_id first;
  event_id last;
  std::uint64_t count = 0;

  bool operator==(const vanished_events&) const = default;
};

struct history_gap {
  gap_kind kind = gap_kind::slot_missing;
  position after;  // everything up to here is stored
  // Every transaction that committed after this is stored again. Nothing: not known yet.
  std::optional<position> through;
  std::optional<vanished_events> vanished;  // forked only, when there are any
  // damaged, skipped and unpublished only: the tables whose events may be missing. Empty: any.
  std::vector<table_id> tables;
  std::string reason;  // one line for people

  bool operator==(const history_gap&) const = default;
};

}  // namespace pulse
