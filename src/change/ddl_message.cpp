#include "change/ddl_message.hpp"

#include <charconv>
#include <string>
#include <utility>

namespace pulse {
namespace {

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [rest, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || rest != text.data() + text.size()) return std::nullopt;
  return number;
}

// What stands before the next `end`, which is taken away with it.
std::string_view take_until(std::string_view& text, char end) {
  const auto at = text.find(end);
  const auto taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.empty() || digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (; !digits.empty(); digits.remove_prefix(2)) {
    std::uint8_t byte = 0;
    const auto two = digits.substr(0, 2);
    const auto [rest, failed] = std::from_chars(two.data(), two.data() + two.size(), byte, 16);
    if (failed != std::errc{} || rest != two.data() + two.size()) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// Nothing: it is not all well-formed.
std::optional<std::vector<type_attribute>> parse_attributes(std::string_view text) {
  std::vector<type_attribute> attributes;
  while (!text.empty()) {
    auto one = take_until(text, ',');
    auto name = from_hex(take_until(one, '/'));
    const auto type = whole_number<std::uint32_t>(take_until(one, '/'));
    const auto modifier = whole_number<std::int32_t>(one);
    if (!name || !type || !modifier) return std::nullopt;
    attributes.push_back({std::move(*name), *type, *modifier});
  }
  return attributes;
}

}  // namespace

void ddl_message::add(const ddl_message& more) {
  constexpr std::size_t tables_max = 10'000;
  tables.insert(more.tables.begin(), more.tables.end());
  if (unsent.size() <= tables_max) unsent.insert(more.unsent.begin(), more.unsent.end());
  every_table = every_table || more.every_table || tables.size() > tables_max;
  if (every_table) tables.clear();
}

ddl_message parse_ddl_message(std::string_view content, std::string_view token) {
  // As many as the triggers name.
  constexpr std::size_t tables_max = 1000;
  ddl_message message;
  bool is_ours = false;
  while (!content.empty()) {
    auto word = take_until(content, ' ');
    if (word.starts_with('#')) {
      is_ours = !token.empty() && word.substr(1) == token;
      continue;
    }
    if (word.starts_with('@')) {
      const bool whole = word.find('=') != std::string_view::npos;
      word.remove_prefix(1);
      if (is_ours && word == "*") message.more_composites = message.every_table = true;
      const auto type = whole_number<std::uint32_t>(take_until(word, '='));
      if (!is_ours || !type) continue;
      message.composites[*type] = whole ? parse_attributes(word) : std::nullopt;
      continue;
    }
    const bool unsent = word.starts_with('!');
    if (unsent) word.remove_prefix(1);
    const auto oid = whole_number<std::uint32_t>(word).value_or(0);
    if (word == "*" || message.tables.size() == tables_max) {
      message.every_table = true;
    } else if (oid != 0) {
      message.tables.insert(oid);
      if (unsent && is_ours) message.unsent.insert(oid);
    }
  }
  return message;
}

}  // namespace pulse
