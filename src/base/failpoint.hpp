// Named places where a test can kill the process. The shipped program links failpoint_off.cpp,
// where the call does nothing; `pulse_failpoints` links failpoint_kill.cpp.
#pragma once

#include <string_view>

namespace pulse {

// With failpoint_kill.cpp: reads PULSE_FAILPOINT ("name:count") once and sends SIGKILL to this
// process when the point of that name is passed for the count-th time. Callable from any thread.
void failpoint(std::string_view name) noexcept;

}  // namespace pulse
