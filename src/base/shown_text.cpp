#include "base/shown_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace pulse {
namespace {

struct code_point {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;  // else one byte that is no UTF-8
};

// The first of `text`, which is not empty (RFC 3629, section 4).
code_point first_of(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {lead, 1, false};
  std::uint32_t value = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {lead, 1, false};
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < least[size] || value > 0x10FFFF || surrogate) return {lead, 1, false};
  return {value, size, true};
}

bool is_hidden(std::uint32_t value) {
  constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 6> ranges{{
      {0x00, 0x1F},
      {0x7F, 0x9F},
      {0x061C, 0x061C},  // Arabic letter mark
      {0x200E, 0x200F},  // marks of direction
      {0x2028, 0x202E},  // separators, embeddings and overrides
      {0x2066, 0x2069},  // isolates
  }};
  return std::ranges::any_of(
      ranges, [&](const auto& one) { return value >= one.first && value <= one.second; });
}

void append_hex(std::string& to, std::uint32_t value, int digits) {
  constexpr std::string_view hex = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; --i) to += hex[(value >> (4 * i)) & 15U];
}

enum class quoting { none, json };

void append(std::string& to, std::string_view text, quoting how) {
  while (!text.empty()) {
    const auto one = first_of(text);
    if (!one.valid) {
      to += how == quoting::json ? "\\\\x" : "\\x";
      append_hex(to, one.value, 2);
    } else if (is_hidden(one.value)) {
      to += "\\u";
      append_hex(to, one.value, 4);
    } else {
      if (how == quoting::json && (text[0] == '"' || text[0] == '\\')) to += '\\';
      to.append(text.substr(0, one.bytes));
    }
    text.remove_prefix(one.bytes);
  }
}

// What is left out; empty: nothing is.
std::string cut(std::string_view& text, std::size_t bytes_max) {
  const auto all = text.size();
  if (all <= bytes_max) return {};
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text = text.substr(0, end);
  return "… (" + std::to_string(all) + " bytes)";
}

}  // namespace

bool has_hidden(std::string_view text) {
  while (!text.empty()) {
    const auto one = first_of(text);
    if (!one.valid || is_hidden(one.value)) return true;
    text.remove_prefix(one.bytes);
  }
  return false;
}

std::string shown(std::string_view text) {
  std::string made;
  made.reserve(text.size());
  append(made, text, quoting::none);
  return made;
}

std::string cut_and_shown(std::string_view text, std::size_t bytes_max) {
  const auto rest = cut(text, bytes_max);
  return shown(text) + rest;
}

void append_shown_json(std::string& to, std::string_view text, std::size_t bytes_max) {
  const auto rest = cut(text, bytes_max);
  to += '"';
  append(to, text, quoting::json);
  to += rest;
  to += '"';
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto one = first_of(text);
    if (!one.valid) return false;
    text.remove_prefix(one.bytes);
  }
  return true;
}

}  // namespace pulse
