// What one stream has sent and its consumer has not yet dealt with.
#pragma once

#include <cstddef>
#include <deque>

#include "change/event_id.hpp"
#include "change/position.hpp"

namespace pulse::streams {

// Keeps the unacknowledged events in delivery order and says where the cursor is: at the end of the
// unbroken run of events that are done with. Bounded by its owner, who asks room_for() first. Not
// thread-safe.
class delivery_window {
 public:
  delivery_window(std::size_t events_max, std::size_t bytes_max)
      : events_max_(events_max), bytes_max_(bytes_max) {}

  // An event larger than the whole window is let through alone.
  bool room_for(std::size_t bytes) const {
    return entries_.empty() || (entries_.size() < events_max_ && bytes_ + bytes <= bytes_max_);
  }
  // Enough has been acknowledged to make sending worthwhile again: half of the window is free.
  bool half_free() const { return entries_.size() * 2 <= events_max_ && bytes_ * 2 <= bytes_max_; }

  void sent(const event_id& id, const position& at, std::size_t bytes);
  // Everything up to `at` that was not sent needs no acknowledgement.
  void passed(const position& at);
  // False when the id is not in the window, or acknowledged already.
  bool acknowledge(const event_id& id);

  // The last position before the first event that is open; with none open, the last one sent or
  // passed.
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
