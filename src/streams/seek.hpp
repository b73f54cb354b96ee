// Where a cursor can be moved to, and where that is in the log.
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

// The oldest event that is kept.
struct log_beginning {
  bool operator==(const log_beginning&) const = default;
};
// Behind all that is stored now.
struct log_end {
  bool operator==(const log_end&) const = default;
};

// A time goes on with the first event committed at or after it, to the millisecond; an LSN, which
// is one of the history that is captured now, with the first one whose commit
// record is there or behind; an event id
// with this very event, or the next one when the log does not have it.
using seek_target = std::variant<log_beginning, log_end, unix_time_us, lsn, event_id>;

// "beginning", "end", an RFC 3339 time ("2026-05-28T12:00:00Z", with or without fractions or an
// offset), an LSN ("0/16B3748") or an event id. errc::invalid_argument lists these.
result<seek_target> parse_seek_target(std::string_view text);

// The position to put the cursor at: what is delivered next lies behind it. errc::gap: retention
// has dropped what the target asks for, wholly or in part. Reads O(log n) blocks and one
// transaction. Times are those of event ids, which never fall, also where the server's clock did.
// LSNs do fall: `history` tells the timeline that one is on; not known (`current` zero), it is the
// last one stored. Any thread.
result<position> find_position(const log::event_log& log, const seek_target& target,
                               const timelines& history);

}  // namespace pulse::streams
