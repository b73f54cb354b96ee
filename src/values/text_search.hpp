// Search in text, in time that grows with its length alone.
#pragma once

#include <cstring>
#include <string_view>

namespace pulse::values {

// The C library's memmem() is linear: by two-way search, and by blocks of at most 256 bytes where
// `wanted` is no longer than that. std::string_view::find() is not ("aaa…b" in "aaaa…").
inline bool has_within(std::string_view text, std::string_view wanted) {
  return wanted.empty() ||
         ::memmem(text.data(), text.size(), wanted.data(), wanted.size()) != nullptr;
}

}  // namespace pulse::values
