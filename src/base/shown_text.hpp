// Text from outside on its way to people: names, messages of other programs, input of
// unauthenticated clients.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pulse {

// Bytes of one value in a log line, an answer or a message.
inline constexpr std::size_t shown_bytes_max = 4096;

// Hidden characters make a terminal act instead of showing them, or forge or reverse lines: control
// characters (C0, DEL, C1), line and paragraph separators, marks of direction; and bytes that are
// no UTF-8.
bool has_hidden(std::string_view text);

// Returns each hidden character as \u001b, each byte that is no UTF-8 as \xff. In JSON text, hidden
// characters occur in strings only, where the first form means the same.
std::string shown(std::string_view text);

// The same for the first `bytes_max` bytes, not cut within a character, with the full size: "User…
// (900000 bytes)".
std::string cut_and_shown(std::string_view text, std::size_t bytes_max = shown_bytes_max);

// Appends it as a JSON string, cut, with hidden characters escaped.
void append_shown_json(std::string& to, std::string_view text,
                       std::size_t bytes_max = shown_bytes_max);

bool is_utf8(std::string_view text);

}  // namespace pulse
