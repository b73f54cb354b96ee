#include "base/percent_encoding.hpp"

namespace pulse {
namespace {

std::optional<char> hex_byte(std::string_view two) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (two.size() < 2 || digit(two[0]) < 0 || digit(two[1]) < 0) return std::nullopt;
  return static_cast<char>(digit(two[0]) * 16 + digit(two[1]));
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (plain) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += hex[byte >> 4U];
    encoded += hex[byte & 15U];
  }
  return encoded;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    const auto byte = hex_byte(text.substr(at + 1));
    if (!byte) return std::nullopt;
    decoded += *byte;
    at += 2;
  }
  return decoded;
}

std::string percent_decode_leniently(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = text[at] == '%' ? hex_byte(text.substr(at + 1)) : std::nullopt;
    decoded += byte ? *byte : text[at];
    if (byte) at += 2;
  }
  return decoded;
}

}  // namespace pulse
