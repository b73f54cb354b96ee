// Files that hold secrets.
#pragma once

#include <string>
#include <string_view>

namespace pulse {

// Returns whether others than the file's owner and its group may read it, or others than the owner
// write it. False if that is unknown.
bool is_open_to_others(const std::string& path);

// Logs a warning with the fix. Does not refuse the file: the mode of a mounted file is not always
// under the control of whoever starts Pulse.
void warn_of_open_file(std::string_view part, std::string_view what, const std::string& path);

}  // namespace pulse
