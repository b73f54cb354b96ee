// Output of commands: the only way to a terminal.
#pragma once

#include <cstdio>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "base/shown_text.hpp"

namespace pulse::config {

template <typename Value>
auto shown_argument(const Value& value) {
  if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
    return shown(value);
  } else {
    return value;
  }
}

// As fmt::print(), but what is hidden in an argument is escaped (base/shown_text.hpp): names of
// tables and streams come from others, and a terminal obeys them. Line ends stand in `form` only.
template <typename... Arguments>
void say(std::FILE* to, fmt::format_string<const Arguments&...> form,
         const Arguments&... arguments) {
  fmt::print(to, fmt::runtime(fmt::string_view(form)), shown_argument(arguments)...);
}

}  // namespace pulse::config
