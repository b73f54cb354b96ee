#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <unistd.h>

#include "base/failpoint.hpp"

namespace pulse {
namespace {

struct armed_point {
  std::string name;
  std::atomic<long> passes_left{0};

  armed_point() {
    const char* setting = std::getenv("PULSE_FAILPOINT");
    if (setting == nullptr) return;
    const std::string text(setting);
    const auto colon = text.rfind(':');
    name = text.substr(0, colon);
    passes_left =
        colon == std::string::npos ? 1 : std::strtol(text.c_str() + colon + 1, nullptr, 10);
  }
};

}  // namespace

void failpoint(std::string_view name) noexcept {
  static armed_point armed;
  if (armed.name.empty() || name != armed.name) return;
  if (armed.passes_left.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

}  // namespace pulse
