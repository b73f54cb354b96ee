#include "base/unexpected.hpp"

#include <cstdlib>
#include <string>

#include "base/logging.hpp"

namespace pulse {

void end_process_on(const std::exception_ptr& failure) {
  if (failure == nullptr) return;
  std::string reason = "unknown";
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& thrown) {
    reason = thrown.what();
  } catch (...) {
    // What was thrown says nothing.
  }
  log_error("server", "unexpected failure: the process ends, and recovers at the next start",
            {{"reason", reason}});
  std::abort();
}

}  // namespace pulse
