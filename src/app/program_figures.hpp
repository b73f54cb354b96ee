// Which program serves, and since when.
#pragma once

#include "base/clock.hpp"
#include "base/metrics.hpp"

namespace pulse::app {

// The version as pulse_build_info, `now` as pulse_start_time_seconds. A hand-over is a start, too.
void tell_of_program(metrics& figures, unix_time_us now);

}  // namespace pulse::app
