// Lines on standard output that can be given up while nobody takes them: a pipe that is full, a
// terminal that is paused.
#pragma once

#include <stop_token>
#include <string_view>

namespace pulse::commands {

// Writes the text and a line's end. False: a stop was requested before all of it was taken, or
// nobody reads any more.
bool write_line(std::string_view text, const std::stop_token& stop);

}  // namespace pulse::commands
