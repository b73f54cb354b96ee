#include "base/iso_time.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace pulse {

std::string iso_time(unix_time_us at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(at - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), ms);
}

}  // namespace pulse
