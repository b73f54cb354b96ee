#include "values/json_text.hpp"

#include <array>
#include <cstddef>

namespace pulse::values {
namespace {

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 256; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}

constexpr auto needs_no_escape = make_plain();

void append_escaped(std::string& to, unsigned char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  to += '\\';
  switch (c) {
    case '"':
    case '\\':
      to += static_cast<char>(c);
      return;
    case '\n':
      to += 'n';
      return;
    case '\r':
      to += 'r';
      return;
    case '\t':
      to += 't';
      return;
    default:
      to += "u00";
      to += hex[c >> 4U];
      to += hex[c & 15U];
  }
}

}  // namespace

void append_json_string(std::string& to, std::string_view text) {
  to += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (needs_no_escape[c]) continue;
    to.append(text, start, i - start);
    append_escaped(to, c);
    start = i + 1;
  }
  to.append(text, start, text.size() - start);
  to += '"';
}

}  // namespace pulse::values
