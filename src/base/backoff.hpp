// How long to wait before trying again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace pulse {

// Exponential with full jitter in the upper half: each wait is between half of the step and the
// step, and the step doubles from `first` to `most`. One owner; not thread-safe.
class backoff {
 public:
  backoff(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed)
      : first_(first), most_(most), step_(first), random_(seed) {}

  std::chrono::milliseconds next() {
    std::uniform_int_distribution<std::int64_t> jitter(step_.count() / 2, step_.count());
    const std::chrono::milliseconds wait(jitter(random_));
    step_ = std::min(step_ * 2, most_);
    return wait;
  }

  // After a success: the next failure starts over at `first`.
  void reset() { step_ = first_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds most_;
  std::chrono::milliseconds step_;
  std::mt19937_64 random_;
};

}  // namespace pulse
