// Which of the tables that somebody waits for have new events.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "change/event.hpp"
#include "change/position.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"

namespace pulse::streams {

// Numbers of the readers of one project's pages.
using page_number = std::uint64_t;

// Reads each new event once for everybody who waits, so that an event wakes the readers of its
// table, and no others. One owner; not thread-safe. The log and the end outlive it.
class table_watch {
 public:
  table_watch(const log::event_log& log, const log::readable_end* deliverable)
      : log_(&log), deliverable_(deliverable) {}

  // False: this has looked at events after `place` already. Whoever has not should read on.
  bool covers(const position& place) const {
    return !reader_ || looked_through() <= place ||
           place >= log::deliverable_end(*log_, deliverable_);
  }
  // Watches for events after `place`, which covers() must hold for.
  void add(page_number reader, const std::vector<table_id>& tables, const position& place);
  void remove(page_number reader, const std::vector<table_id>& tables);

  // Looks at new events, some milliseconds long. Returns the readers of their tables; all readers,
  // if the log cannot be read. Removes none.
  std::vector<page_number> look();
  // look() has not come to the end.
  bool has_more() const { return reader_ && reader_->paused(); }
  // No event up to here is of a table that is watched, except those for which look() has returned
  // readers. Only while somebody is watching.
  position looked_through() const { return reader_->scanned_through(); }

  bool empty() const { return readers_ == 0; }

 private:
  void read_from(const position& place);

  const log::event_log* log_;
  const log::readable_end* deliverable_;
  std::unordered_map<table_id, std::unordered_set<page_number>> waiting_;
  std::size_t readers_ = 0;
  std::unique_ptr<log::log_reader> reader_;
};

}  // namespace pulse::streams
