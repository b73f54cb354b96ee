// How long to wait before trying again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace pulse {

// Exponential with full jitter in the upper half: each wait is between half of the step and the
// step, and the step doubles from `first` to `most`. It begins again at `first` after what worked
// for longer than the step: what fails as soon as it has begun is no success, and what fails now
// and then costs less time than it works. One owner; not thread-safe.
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

  // What was asked for has been done.
  void reset() { step_ = first_; }
  // How long it worked before the failure that next() is asked for.
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
