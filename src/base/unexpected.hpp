// Handles an unexpected exception in a task that must not end.
#pragma once

#include <exception>

namespace pulse {

// The completion handler of spawned coroutines: on a failure, the process ends, with the reason in
// the server log; the next start recovers durable data. A task that ends silently would leave a
// server that looks well and does nothing. No failure: does nothing.
void end_process_on(const std::exception_ptr& failure);

}  // namespace pulse
