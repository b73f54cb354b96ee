// Lines on standard output, which can be abandoned while nobody reads them: a full pipe, a paused
// terminal.
#pragma once

#include <stop_token>
#include <string_view>

namespace pulse::commands {

// Writes the text and a line end. False: a stop was requested before all of it was written, or
// nobody reads any more.
bool write_line(std::string_view text, const std::stop_token& stop);

}  // namespace pulse::commands
