// Seek targets of a cursor, and their positions in the log.
#pragma once

#include <string_view>
#include <variant>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/event_id.hpp"
#include "change/lsn.hpp"
#include "change/position.hpp"
#include "change/timelines.hpp"
#include "log/event_log.hpp"

namespace pulse::streams {

// The oldest stored event.
struct log_beginning {
  bool operator==(const log_beginning&) const = default;
};
// After all stored events.
struct log_end {
  bool operator==(const log_end&) const = default;
};

// A time continues with the first event committed at or after it, to the millisecond. An LSN, of
// the history that is captured now, continues with the first commit record at or after it. An event
// id continues with this event, or with the next one if the log does not have it.
using seek_target = std::variant<log_beginning, log_end, unix_time_us, lsn, event_id>;

// Parses "beginning", "end", an RFC 3339 time ("2026-05-28T12:00:00Z", with or without fractions or
// an offset), an LSN ("0/16B3748") or an event id. errc::invalid_argument lists these.
result<seek_target> parse_seek_target(std::string_view text);

// Returns the position for the cursor: the next delivered event is after it. errc::gap: retention
// has dropped a part of the target. Reads O(log n) blocks and one transaction. Times are those of
// event ids, which never fall, even if the server's clock did. LSNs may fall: `history` has the
// timeline of the LSN; if unknown (`current` zero), the last stored one. Any thread.
result<position> find_position(const log::event_log& log, const seek_target& target,
                               const timelines& history);

// Returns the position behind which a reader continues that has the target: find_position(), but
// after an event id, if the log has it, continues behind the event. Errors and cost are the same.
result<position> find_read_start(const log::event_log& log, const seek_target& target,
                                 const timelines& history);

}  // namespace pulse::streams
