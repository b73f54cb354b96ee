#include "app/program_figures.hpp"

#include <chrono>

namespace pulse::app {

void tell_of_program(metrics& figures, unix_time_us now) {
  figures.gauge(metric::build_info, PULSE_VERSION).Set(1);
  figures.gauge(metric::start_time_seconds)
      .Set(std::chrono::duration<double>(now.time_since_epoch()).count());
}

}  // namespace pulse::app
