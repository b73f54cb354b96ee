// Numbers in PostgreSQL's answers.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace pulse::source {

// Returns the number at the start of the text; 0 for NULL, and if there is none.
template <class Number>
Number number_in(std::optional<std::string_view> text) {
  Number value{};
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace pulse::source
