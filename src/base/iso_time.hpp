// Times in answers, as programs read them.
#pragma once

#include <string>

#include "base/clock.hpp"

namespace pulse {

// "2026-05-28T12:34:56.789Z" (RFC 3339); what is below a millisecond is cut off.
std::string iso_time(unix_time_us at);

}  // namespace pulse
