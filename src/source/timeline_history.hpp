// Timeline history files: where a server's history left each earlier timeline.
#pragma once

#include <string_view>
#include <vector>

#include "source/start_rules.hpp"

namespace pulse::source {

// The content of a history file as TIMELINE_HISTORY gives it (manual, section 26.3.5): lines of a
// timeline, the LSN at which it was left, and a reason. Comments, and lines that are none of these,
// are passed over.
std::vector<timeline_switch> parse_timeline_history(std::string_view content);

}  // namespace pulse::source
