// The gaps of one project's stored history, and which streams they block.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "change/event.hpp"
#include "change/history_gap.hpp"
#include "change/position.hpp"
#include "control/stored_gap.hpp"
#include "log/event_log.hpp"

namespace pulse::streams {

// Until it is accepted, a gap blocks every stream whose position is before its end. A gap of some
// tables blocks only their streams. A gap without a known end blocks every position. One owner; not
// thread-safe.
class known_gaps {
 public:
  // Sets all of the project's gaps, oldest first. Pointers from before are invalid.
  void use(std::vector<control::stored_gap> gaps) { gaps_ = std::move(gaps); }
  const std::vector<control::stored_gap>& all() const { return gaps_; }

  // Returns the first gap that blocks a stream at `place` which waits for events of the table (0:
  // any). Null: none.
  const control::stored_gap* bar_behind(const position& place, table_id table) const;
  // The same, if the gap is before the event at `next`.
  const control::stored_gap* bar_between(const position& place, const position& next,
                                         table_id table) const;
  // bar_behind() for a reader of several tables. `passed`: ids of gaps that this reader accepts for
  // itself. A gap without an end is passed only if what it lacks is still not sent: nobody knows
  // where the events after another one begin.
  const control::stored_gap* bar_behind(const position& place, const std::vector<table_id>& tables,
                                        const std::vector<std::uint64_t>& passed) const;

  // The event is of a history that the database has left (gap_traits::never_happened), accepted or
  // not.
  bool never_happened(const position& at) const;

  // errc::gap: a gap blocks a stream at `cursor`, and the log has no event left for it before the
  // gap.
  result<void> check_not_reached(const position& cursor, table_id table,
                                 const log::event_log& log) const;

  // Returns where a new stream of the table starts that would start here: after all its gaps.
  // errc::unavailable: unknown yet, because capture has not passed a gap (the durable LSN is not
  // after its end), or because PostgreSQL still does not send the table's changes.
  result<position> start_behind(const position& start, const position& mark, table_id table) const;

 private:
  std::vector<control::stored_gap> gaps_;
};

// "between LSN and LSN", for people.
std::string bounds_of(const history_gap& gap);

}  // namespace pulse::streams
