#include "base/utf8.hpp"

#include <cstddef>

namespace pulse {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

// The length of the sequence that the text begins with; 0: it begins with none.
std::size_t sequence_bytes(std::string_view text) {
  const auto first = byte_at(text, 0);
  const auto second = byte_at(text, 1);
  const auto goes_on = [&](std::size_t at) { return (byte_at(text, at) & 0xC0U) == 0x80U; };
  if (first < 0x80) return 1;
  if (first < 0xC2 || !goes_on(1)) return 0;
  if (first < 0xE0) return 2;
  if (!goes_on(2)) return 0;
  // Neither longer than it has to be nor a surrogate.
  if (first < 0xF0)
    return (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ? 0 : 3;
  if (first > 0xF4 || !goes_on(3)) return 0;
  return (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F) ? 0 : 4;
}

}  // namespace

std::string to_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const auto bytes = sequence_bytes(text);
    valid += bytes == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return valid;
}

}  // namespace pulse
