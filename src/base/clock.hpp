// Time, injected: the real clock in the program, a scripted one in tests and the simulation.
#pragma once

#include <chrono>

namespace pulse {

// Microseconds since the Unix epoch, UTC: PostgreSQL's own resolution.
using unix_time_us = std::chrono::sys_time<std::chrono::microseconds>;

class clock_source {
 public:
  clock_source() = default;
  clock_source(const clock_source&) = delete;
  clock_source& operator=(const clock_source&) = delete;
  virtual ~clock_source() = default;

  // Wall-clock time; may step. Any thread.
  virtual unix_time_us now() const = 0;
  // Time for measuring durations; never falls. Any thread.
  virtual std::chrono::steady_clock::time_point steady_now() const = 0;
};

// The machine's clocks.
const clock_source& system_clock_source();

}  // namespace pulse
