#include "app/program_figures.hpp"

#include <chrono>

namespace pulse::app {

void tell_of_program(metrics& figures, unix_time_us now) {
  figures.gauge("pulse_build_info", "1, with the program's version", {{"version", PULSE_VERSION}})
      .Set(1);
  figures
      .gauge("pulse_start_time_seconds", "When the program began to serve, in seconds since 1970")
      .Set(std::chrono::duration<double>(now.time_since_epoch()).count());
}

}  // namespace pulse::app
