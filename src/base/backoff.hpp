// How long to wait before trying again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace pulse {

// Exponential with full jitter in the upper half: each wait is between half of the step and the
// step, and the step doubles from `first` to `most`. It restarts at `first` after an attempt that
// worked for longer than the step: immediate failures are no success, and rare ones cost less time
// than the work before them. One owner; not thread-safe.
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

  // The attempt has succeeded.
  void reset() { step_ = first_; }
  // The time that the attempt worked before the failure for which next() is asked.
  void worked_for(std::chrono::steady_clock::duration time) {
    if (time > step_) reset();
  }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds most_;
  std::chrono::milliseconds step_;
  std::mt19937_64 random_;
};

}  // namespace pulse
