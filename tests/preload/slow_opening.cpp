// For LD_PRELOAD: while the file that PULSE_TEST_SLOW_OPENING names exists, the event log of the
// project that PULSE_TEST_SLOW_PROJECT names is not opened.
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

bool is_of_the_project(int file) {
  const char* project = std::getenv("PULSE_TEST_SLOW_PROJECT");
  if (project == nullptr) return false;
  std::array<char, 4096> path{};
  const auto link = "/proc/self/fd/" + std::to_string(file);
  const auto size = readlink(link.c_str(), path.data(), path.size());
  const auto log = "/projects/" + std::string(project) + "/log/";
  return size > 0 && std::string_view(path.data(), static_cast<std::size_t>(size)).find(log) !=
                         std::string_view::npos;
}

}  // namespace

// The first that is done with a log's directory.
extern "C" int flock(int file, int operation) {
  const char* order = std::getenv("PULSE_TEST_SLOW_OPENING");
  constexpr useconds_t look_interval_us = 10'000;
  while (order != nullptr && access(order, F_OK) == 0 && is_of_the_project(file))
    usleep(look_interval_us);
  return static_cast<int>(syscall(SYS_flock, file, operation));
}
