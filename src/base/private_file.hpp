// Files that hold secrets.
#pragma once

#include <string>
#include <string_view>

namespace pulse {

// Whether other users than the file's owner and its group may read it, or others than the owner
// write it. False when it cannot be looked at.
bool is_open_to_others(const std::string& path);

// Says so in the log, with what closes it. Not refused: where files are mounted, their mode is not
// always in the hands of whoever starts Pulse.
void warn_of_open_file(std::string_view part, std::string_view what, const std::string& path);

}  // namespace pulse
