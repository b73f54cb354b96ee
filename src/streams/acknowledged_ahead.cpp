#include "streams/acknowledged_ahead.hpp"

#include <algorithm>

namespace pulse::streams {
namespace {

// Ids rise along the log: what stands before the event at hand will not come by any more.
bool take(std::set<event_id>& ids, const event_id& id) {
  if (ids.empty()) return false;
  const auto at = ids.erase(ids.begin(), ids.lower_bound(id));
  if (at == ids.end() || *at != id) return false;
  ids.erase(at);
  return true;
}

}  // namespace

void acknowledged_ahead::connection_ended(const delivery_window& window) {
  for (const auto& entry : window.entries()) {
    (entry.acknowledged ? acknowledged_ : delivered_).insert(entry.id);
  }
}

acknowledged_ahead::seen acknowledged_ahead::meet(const event_id& id) {
  const bool delivered = take(delivered_, id);
  const bool acknowledged = take(acknowledged_, id);
  const bool unknown = take(unknown_, id);
  const bool within = through_ && id <= *through_;
  if (!within) through_.reset();
  if (acknowledged) return seen::acknowledged;
  if (unknown || within) return seen::acknowledged_elsewhere;
  return delivered ? seen::delivered : seen::never;
}

bool acknowledged_ahead::acknowledge(const event_id& id) {
  if (delivered_.erase(id) != 0) {
    acknowledged_.insert(id);
    return true;
  }
  if (acknowledged_.contains(id)) return true;
  if (unknown_.size() >= unknown_max) return false;
  unknown_.insert(id);
  return true;
}

void acknowledged_ahead::acknowledge_through(const event_id& id,
                                             const std::optional<event_id>& unknown) {
  const auto end = delivered_.upper_bound(id);
  acknowledged_.insert(delivered_.begin(), end);
  delivered_.erase(delivered_.begin(), end);
  if (unknown) through_ = through_ ? std::max(*through_, *unknown) : *unknown;
}

void acknowledged_ahead::remember(const std::vector<event_id>& delivered,
                                  const std::vector<event_id>& acknowledged) {
  delivered_.insert(delivered.begin(), delivered.end());
  acknowledged_.insert(acknowledged.begin(), acknowledged.end());
}

void acknowledged_ahead::clear() {
  through_.reset();
  delivered_.clear();
  acknowledged_.clear();
  unknown_.clear();
}

}  // namespace pulse::streams
