// The gaps of one project's stored history, and which of them bars whom.
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

// A gap bars whoever stands before its end until somebody accepts it. One of some tables only bars
// nobody else; one whose end is not known yet bars everybody. One owner; not thread-safe.
class known_gaps {
 public:
  // All of the project's, oldest first. What was handed out before must not be used any more.
  void use(std::vector<control::stored_gap> gaps) { gaps_ = std::move(gaps); }
  const std::vector<control::stored_gap>& all() const { return gaps_; }

  // The first that bars whoever stands at `place` and waits for events of the table (0: any).
  // Null: none does.
  const control::stored_gap* bar_behind(const position& place, table_id table) const;
  // The same, if it lies before the event at `next`.
  const control::stored_gap* bar_between(const position& place, const position& next,
                                         table_id table) const;

  // The event is of a history that the database has left (gap_traits::never_happened), accepted or
  // not.
  bool never_happened(const position& at) const;

  // errc::gap: something bars whoever stands at `cursor`, and of what lies before it the log has
  // nothing left for them.
  result<void> check_not_reached(const position& cursor, table_id table,
                                 const log::event_log& log) const;

  // Where a new stream of the table starts that would start here: behind all its gaps.
  // errc::unavailable: that is not known yet, because capture has not come over one (the log's mark
  // is not behind its end), or because the table's changes are still not sent.
  result<position> start_behind(const position& start, const position& mark, table_id table) const;

 private:
  std::vector<control::stored_gap> gaps_;
};

// "between LSN and LSN", for people.
std::string bounds_of(const history_gap& gap);

}  // namespace pulse::streams
