// A clock that is one millisecond later at each look.
#pragma once

#include "base/clock.hpp"

namespace pulse::control {

class stepped_clock final : public clock_source {
 public:
  unix_time_us now() const override { return now_ += std::chrono::milliseconds(1); }
  std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point(now().time_since_epoch());
  }

 private:
  mutable unix_time_us now_{std::chrono::seconds(1'700'000'000)};
};

}  // namespace pulse::control
