#include "streams/cursor_lag.hpp"

#include <algorithm>

namespace pulse::streams {

std::uint64_t lag_bytes(const position& cursor, const position& newest, const timelines& history) {
  if (cursor >= newest) return 0;
  auto from = cursor.commit;
  bool known = cursor.timeline == newest.timeline || cursor == position{};
  for (const auto& past : history.left) {
    if (past.timeline < cursor.timeline || past.timeline >= newest.timeline) continue;
    known = known || past.timeline == cursor.timeline;
    from = std::min(from, past.switch_point);
  }
  return known && newest.commit > from ? newest.commit.value - from.value : 1;
}

result<cursor_lag> measure_lag(const log::event_log& log, const position& cursor, table_id table,
                               std::uint64_t events_max, const timelines& history) {
  cursor_lag lag;
  const auto bounds = log.bounds();
  // Position zero would read from the oldest event that is kept, whatever is gone.
  if (cursor < bounds.dropped_through) {
    return error{errc::gap,
                 "retention has dropped events after " + to_string(cursor) + ", through " +
                     to_string(bounds.dropped_through),
                 "seek the stream to a stored position"};
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
  if (lag.events != 0) lag.bytes = lag_bytes(cursor, bounds.last_at, history);
  return lag;
}

}  // namespace pulse::streams
