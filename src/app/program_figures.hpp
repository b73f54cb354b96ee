// Which program serves, and since when.
#pragma once

#include "base/clock.hpp"
#include "base/metrics.hpp"

namespace pulse::app {

// Shows the version as pulse_build_info, and `now` as pulse_start_time_seconds. An exec hand-over
// counts as a start.
void tell_of_program(metrics& figures, unix_time_us now);

}  // namespace pulse::app
