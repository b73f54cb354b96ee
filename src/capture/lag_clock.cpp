#include "capture/lag_clock.hpp"

#include <utility>

namespace pulse::capture {

void lag_clock::see(lsn flushed, time_point now) {
  // After a promotion or a restore the LSNs are those of another history.
  if (!samples_.empty() && flushed < samples_.back().flushed) samples_.clear();
  if (!samples_.empty() && flushed == samples_.back().flushed) return;
  samples_.push_back({flushed, now});
  if (samples_.size() < samples_max) return;
  std::deque<sample> thinned;
  for (std::size_t i = 0; i < samples_.size(); i += 2) thinned.push_back(samples_[i]);
  samples_ = std::move(thinned);
}

std::chrono::steady_clock::duration lag_clock::behind(lsn confirmed, time_point now) {
  while (!samples_.empty() && samples_.front().flushed <= confirmed) samples_.pop_front();
  return samples_.empty() ? std::chrono::steady_clock::duration::zero() : now - samples_.front().at;
}

}  // namespace pulse::capture
