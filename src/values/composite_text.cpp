#include "values/composite_text.hpp"

namespace pulse::values {
namespace {

bool skip(std::string_view& rest, std::string_view what) {
  if (!rest.starts_with(what)) return false;
  rest.remove_prefix(what.size());
  return true;
}

// One part up to an unquoted character of `ends`, which stays. False: there is none.
bool read_part(std::string_view& rest, std::string_view ends, part_text& to) {
  std::string text;
  bool quoted = false;
  bool there = false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (!quoted && ends.find(c) != std::string_view::npos) {
      rest.remove_prefix(i);
      if (there) to = std::move(text);
      return true;
    }
    there = true;
    if (c == '\\') {
      if (++i == rest.size()) return false;
      text += rest[i];
    } else if (c != '"') {
      text += c;
    } else if (quoted && i + 1 < rest.size() && rest[i + 1] == '"') {
      text += '"';
      ++i;
    } else {
      quoted = !quoted;
    }
  }
  return false;
}

bool read_range(std::string_view& rest, range_text& to) {
  if (skip(rest, "empty")) {
    to.empty = true;
    return true;
  }
  to.lower_inclusive = rest.starts_with('[');
  if (!skip(rest, "[") && !skip(rest, "(")) return false;
  if (!read_part(rest, ",", to.lower)) return false;
  rest.remove_prefix(1);
  if (!read_part(rest, ")]", to.upper)) return false;
  to.upper_inclusive = rest.front() == ']';
  rest.remove_prefix(1);
  return true;
}

bool read_hstore_text(std::string_view& rest, std::string& to) {
  if (!skip(rest, "\"")) return false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return true;
    }
    if (rest[i] == '\\') {
      ++i;
      if (i == rest.size()) return false;
    }
    to += rest[i];
  }
  return false;
}

}  // namespace

std::optional<std::vector<part_text>> split_composite(std::string_view text, std::size_t parts) {
  if (!skip(text, "(")) return std::nullopt;
  std::vector<part_text> found(parts);
  for (std::size_t i = 0; i < parts; ++i) {
    if (!read_part(text, ",)", found[i])) return std::nullopt;
    if (!skip(text, i + 1 == parts ? ")" : ",")) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return found;
}

std::optional<range_text> split_range(std::string_view text) {
  range_text found;
  if (!read_range(text, found) || !text.empty()) return std::nullopt;
  return found;
}

std::optional<std::vector<range_text>> split_multirange(std::string_view text) {
  std::vector<range_text> found;
  if (!skip(text, "{")) return std::nullopt;
  if (text == "}") return found;
  do {
    if (!read_range(text, found.emplace_back())) return std::nullopt;
  } while (skip(text, ","));
  if (text != "}") return std::nullopt;
  return found;
}

std::optional<std::vector<std::pair<std::string, part_text>>> split_hstore(std::string_view text) {
  std::vector<std::pair<std::string, part_text>> found;
  if (text.empty()) return found;
  do {
    auto& [key, value] = found.emplace_back();
    if (!read_hstore_text(text, key) || !skip(text, "=>")) return std::nullopt;
    if (skip(text, "NULL")) continue;
    if (!read_hstore_text(text, value.emplace())) return std::nullopt;
  } while (skip(text, ", "));
  if (!text.empty()) return std::nullopt;
  return found;
}

}  // namespace pulse::values
