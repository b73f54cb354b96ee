// For LD_PRELOAD: while the file that PULSE_TEST_FAIL_SYNC names exists, no sync of an event log
// succeeds.
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

bool is_of_a_log(int file) {
  std::array<char, 4096> path{};
  const auto link = "/proc/self/fd/" + std::to_string(file);
  const auto size = readlink(link.c_str(), path.data(), path.size());
  return size > 0 && std::string_view(path.data(), static_cast<std::size_t>(size)).find("/log/") !=
                         std::string_view::npos;
}

}  // namespace

extern "C" int fdatasync(int file) {
  const char* order = std::getenv("PULSE_TEST_FAIL_SYNC");
  if (order != nullptr && access(order, F_OK) == 0 && is_of_a_log(file)) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, file));
}
