// The events that one stream has sent and its consumer has not acknowledged.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "change/event_id.hpp"
#include "change/position.hpp"

namespace pulse::streams {

// Keeps the unacknowledged events in delivery order. The cursor is the end of the contiguous
// acknowledged prefix. Its owner bounds it by asking room_for() first. Not thread-safe.
class delivery_window {
 public:
  delivery_window(std::size_t events_max, std::size_t bytes_max)
      : events_max_(events_max), bytes_max_(bytes_max) {}

  // Allows an event larger than the whole window alone.
  bool room_for(std::size_t bytes) const {
    return entries_.empty() || (entries_.size() < events_max_ && bytes_ + bytes <= bytes_max_);
  }
  // Returns whether half of the window is free, so that sending is worthwhile again.
  bool half_free() const { return entries_.size() * 2 <= events_max_ && bytes_ * 2 <= bytes_max_; }

  void sent(const event_id& id, const position& at, std::size_t bytes);
  // Unsent events up to `at` need no acknowledgement.
  void passed(const position& at);
  // False if the id is not in the window, or acknowledged already.
  bool acknowledge(const event_id& id);

  // Returns the unacknowledged events through this one, in delivery order.
  std::vector<event_id> unacknowledged_through(const event_id& id) const;

  // Returns the last position before the first unacknowledged event; without one, the last position
  // sent or passed.
  const position& cursor() const { return cursor_; }
  void start_at(const position& cursor) { cursor_ = cursor; }

  std::size_t events() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return entries_.empty(); }

  struct entry {
    event_id id;
    position through;  // this event, and what was passed between it and the next one
    std::size_t bytes = 0;
    bool acknowledged = false;
  };
  const std::deque<entry>& entries() const { return entries_; }

 private:
  std::size_t events_max_;
  std::size_t bytes_max_;
  std::deque<entry> entries_;
  std::size_t bytes_ = 0;
  position cursor_;
};

}  // namespace pulse::streams
