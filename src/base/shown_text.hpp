// Text from outside on its way to people: names, messages of other programs, whatever strangers
// send.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pulse {

// Bytes of one value in a log line, an answer or a message.
inline constexpr std::size_t shown_bytes_max = 4096;

// Hidden is what a terminal obeys instead of showing it, and what forges lines or turns them round:
// control characters (C0, DEL, C1), line and paragraph separators, marks of direction; and bytes
// that are no UTF-8.
bool has_hidden(std::string_view text);

// Each hidden character as \u001b, each byte that is no UTF-8 as \xff; within JSON text, where
// hidden characters stand in strings only, the first means the same.
std::string shown(std::string_view text);

// The same of the first `bytes_max` bytes, not in the middle of a character, and how many there
// are: "User… (900000 bytes)".
std::string cut_and_shown(std::string_view text, std::size_t bytes_max = shown_bytes_max);

// Appends it as a JSON string, cut, with what is hidden escaped.
void append_shown_json(std::string& to, std::string_view text,
                       std::size_t bytes_max = shown_bytes_max);

bool is_utf8(std::string_view text);

}  // namespace pulse
