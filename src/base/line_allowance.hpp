// Log lines of one kind that many may cause at once: some are written, the others counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace pulse {

// One owner; not thread-safe.
class line_allowance {
 public:
  static constexpr std::chrono::seconds interval{1};

  explicit line_allowance(std::uint64_t lines_per_interval) : most_(lines_per_interval) {}

  // Whether a line may be written now; else it is counted.
  bool take(std::chrono::steady_clock::time_point now) {
    if (is_over(now)) {
      begin_ = now;
      begun_ = true;
      taken_ = 0;
    }
    if (taken_ == most_) {
      ++left_out_;
      return false;
    }
    ++taken_;
    return true;
  }

  // How many were counted and not written, once for each interval that is over; else 0.
  std::uint64_t left_out(std::chrono::steady_clock::time_point now) {
    return is_over(now) ? std::exchange(left_out_, 0) : 0;
  }

 private:
  bool is_over(std::chrono::steady_clock::time_point now) const {
    return !begun_ || now - begin_ >= interval;
  }

  std::uint64_t most_;
  std::uint64_t taken_ = 0;
  std::uint64_t left_out_ = 0;
  std::chrono::steady_clock::time_point begin_;
  bool begun_ = false;
};

}  // namespace pulse
