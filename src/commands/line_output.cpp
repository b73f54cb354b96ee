#include "commands/line_output.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <string>
#include <unistd.h>

#include <climits>

namespace pulse::commands {
namespace {

constexpr int stop_poll_interval_ms = 100;

// Whether something can be written without waiting.
bool wait_for_room(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd output{STDOUT_FILENO, POLLOUT, 0};
    const int ready = ::poll(&output, 1, stop_poll_interval_ms);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

}  // namespace

bool write_line(std::string_view text, const std::stop_token& stop) {
  const auto line = std::string(text) + "\n";
  std::string_view rest(line);
  while (!rest.empty()) {
    if (!wait_for_room(stop)) return false;
    // A pipe that poll() calls writable takes as much without waiting (pipe(7)).
    const auto written =
        ::write(STDOUT_FILENO, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
    if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
    rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

}  // namespace pulse::commands
