#include "streams/lease.hpp"

#include <iterator>
#include <utility>

namespace pulse::streams {

void hand_out(std::vector<outstanding_event>& outstanding, const std::vector<event_id>& batch,
              bool at_end, std::vector<outstanding_event>& repeated) {
  std::vector<outstanding_event> now;
  for (const auto& id : batch) {
    const auto before = std::ranges::lower_bound(outstanding, id, {}, &outstanding_event::id);
    const bool again = before != outstanding.end() && before->id == id;
    now.push_back({id, again ? before->attempts + 1 : 1});
    if (again) repeated.push_back(now.back());
  }
  std::ranges::copy_if(outstanding, std::back_inserter(now), [&](const outstanding_event& one) {
    return !at_end && (batch.empty() || one.id > batch.back());
  });
  outstanding = std::move(now);
}

void take_back(std::vector<outstanding_event>& outstanding, const std::vector<event_id>& batch) {
  for (auto& one : outstanding) {
    if (std::ranges::binary_search(batch, one.id)) --one.attempts;
  }
  std::erase_if(outstanding, [](const outstanding_event& one) { return one.attempts == 0; });
}

}  // namespace pulse::streams
