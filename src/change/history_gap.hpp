// A stretch of the database's history that cannot be delivered as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "change/event.hpp"
#include "change/event_id.hpp"
#include "change/gap_kind.hpp"
#include "change/position.hpp"

namespace pulse {

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

  // What it lacks is still not sent.
  bool goes_on() const noexcept {
    return traits_of(kind).ends == gap_end::when_sent_again && !through;
  }
};

}  // namespace pulse
