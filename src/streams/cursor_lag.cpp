#include "streams/cursor_lag.hpp"

namespace pulse::streams {

std::uint64_t lag_bytes(const position& cursor, const position& newest) {
  return cursor >= newest || cursor.commit >= newest.commit
             ? 0
             : newest.commit.value - cursor.commit.value;
}

result<cursor_lag> measure_lag(const log::event_log& log, const position& cursor, table_id table,
                               std::uint64_t events_max) {
  cursor_lag lag;
  const auto bounds = log.bounds();
  // Position zero would read from the oldest event that is kept, whatever is gone.
  if (cursor < bounds.dropped_through) {
    return error{errc::gap,
                 "retention has dropped events after " + to_string(cursor) + ", through " +
                     to_string(bounds.dropped_through),
                 "seek the stream to a place that is kept"};
  }
  const auto reader = log.read(cursor, table);
  for (;;) {
    const auto read = reader->next();
    if (!read) return read.error();
    if (*read == nullptr) break;
    if (lag.events == events_max) {
      lag.at_least = true;
      break;
    }
    if (++lag.events == 1) lag.oldest_waiting = (*read)->committed_at;
  }
  if (lag.events != 0) lag.bytes = lag_bytes(cursor, bounds.last_at);
  return lag;
}

}  // namespace pulse::streams
