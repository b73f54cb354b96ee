// What becomes of an exception that nobody expects in a task that must not end.
#pragma once

#include <exception>

namespace pulse {

// For what a coroutine is spawned with in place of a handler that throws failures away: the process
// ends, with the reason in the log, and what is durable is found at the next start. A task that has
// ended in silence would leave a server that looks well and does nothing. No failure: does nothing.
void end_process_on(const std::exception_ptr& failure);

}  // namespace pulse
