// How far a cursor lags: in events, in bytes of WAL and in time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/event.hpp"
#include "change/position.hpp"
#include "change/timelines.hpp"
#include "log/event_log.hpp"

namespace pulse::streams {

// Returns the WAL bytes between the cursor and the newest stored event, by the database's history:
// the part of a timeline after its switch point counts for nothing. At least 1 while the cursor
// lags, also if LSNs cannot be compared because its timeline was another database's. 0: no stored
// event is left to deliver. For a stream without a consumer it is an upper bound: the WAL may
// belong to other tables.
std::uint64_t lag_bytes(const position& cursor, const position& newest, const timelines& history);

struct cursor_lag {
  std::uint64_t events =
      0;                    // stored events of the table behind the cursor, whatever a filter wants
  bool at_least = false;    // there are more: counting stopped at the limit
  std::uint64_t bytes = 0;  // see lag_bytes()
  std::optional<unix_time_us> oldest_waiting;  // commit time of the first of them
};

// Counts by reading the table's events: O(events), `events_max` at most. errc::gap: retention has
// dropped events after the cursor. Any thread.
result<cursor_lag> measure_lag(const log::event_log& log, const position& cursor, table_id table,
                               std::uint64_t events_max, const timelines& history);

}  // namespace pulse::streams
