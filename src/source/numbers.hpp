// Numbers in PostgreSQL's answers.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace pulse::source {

// The number that the text begins with; 0 for NULL, and where there is none.
template <class Number>
Number number_in(std::optional<std::string_view> text) {
  Number value{};
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace pulse::source
