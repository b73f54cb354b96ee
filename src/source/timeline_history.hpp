// Timeline history files: the switch points of a server's earlier timelines.
#pragma once

#include <string_view>
#include <vector>

#include "source/start_rules.hpp"

namespace pulse::source {

// Parses a history file as TIMELINE_HISTORY returns it (manual, section 26.3.5): lines of a
// timeline, the LSN of its switch point, and a reason. Ignores comments and other lines.
std::vector<timeline_switch> parse_timeline_history(std::string_view content);

}  // namespace pulse::source
