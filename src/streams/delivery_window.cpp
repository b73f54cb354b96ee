#include "streams/delivery_window.hpp"

#include <algorithm>

namespace pulse::streams {

void delivery_window::sent(const event_id& id, const position& at, std::size_t bytes) {
  entries_.push_back({id, at, bytes, false});
  bytes_ += bytes;
}

void delivery_window::passed(const position& at) {
  auto& through = entries_.empty() ? cursor_ : entries_.back().through;
  through = std::max(through, at);
}

bool delivery_window::acknowledge(const event_id& id) {
  // Ids rise in delivery order. Nearly every acknowledgement is for the front.
  auto found = entries_.begin();
  if (found == entries_.end() || found->id != id) {
    found = std::ranges::lower_bound(entries_, id, {}, &entry::id);
  }
  if (found == entries_.end() || found->id != id || found->acknowledged) return false;
  found->acknowledged = true;
  while (!entries_.empty() && entries_.front().acknowledged) {
    cursor_ = entries_.front().through;
    bytes_ -= entries_.front().bytes;
    entries_.pop_front();
  }
  return true;
}

std::vector<event_id> delivery_window::unacknowledged_through(const event_id& id) const {
  std::vector<event_id> found;
  for (const auto& one : entries_) {
    if (one.id > id) break;
    if (!one.acknowledged) found.push_back(one.id);
  }
  return found;
}

}  // namespace pulse::streams
