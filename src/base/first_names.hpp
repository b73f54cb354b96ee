// Lists of names in messages, which are of any length.
#pragma once

#include <cstddef>
#include <string>

namespace pulse {

// "a, b, …": the first `most` of them, as `name_of` says each.
template <class Range, class Name>
std::string first_names(const Range& all, std::size_t most, Name name_of) {
  std::string names;
  std::size_t named = 0;
  for (const auto& one : all) {
    if (named == most) return names + ", …";
    names += (named++ == 0 ? "" : ", ") + name_of(one);
  }
  return names;
}

}  // namespace pulse
