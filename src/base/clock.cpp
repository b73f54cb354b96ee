#include "base/clock.hpp"

namespace pulse {
namespace {

class machine_clock final : public clock_source {
 public:
  unix_time_us now() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
  }
  std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::now();
  }
};

}  // namespace

const clock_source& system_clock_source() {
  static const machine_clock instance;
  return instance;
}

}  // namespace pulse
