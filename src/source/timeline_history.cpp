#include "source/timeline_history.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace pulse::source {
namespace {

constexpr std::string_view blanks = " \t\r";

// The next word of the line, taken off it; empty at its end.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const auto word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  return word;
}

std::optional<std::uint32_t> parse_number(std::string_view word) {
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (failure != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

std::vector<timeline_switch> parse_timeline_history(std::string_view content) {
  std::vector<timeline_switch> history;
  while (!content.empty()) {
    auto line = take_line(content);
    const auto timeline = parse_number(take_word(line));
    const auto switch_point = parse_lsn(take_word(line));
    if (timeline && switch_point) history.push_back({*timeline, *switch_point});
  }
  return history;
}

}  // namespace pulse::source
