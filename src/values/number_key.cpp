#include "values/number_key.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/bytes.hpp"

namespace pulse::values {
namespace {

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63U;

// The first byte of a decimal's key.
enum decimal_class : char { minus_infinity, negative, zero, positive, infinity, not_a_number };

bool is_decimal_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits_at(std::string_view text, std::size_t from) {
  auto end = from;
  while (end < text.size() && is_decimal_digit(text[end])) ++end;
  return end - from;
}

// What follows the digits: nothing, or an exponent.
std::optional<std::int64_t> read_exponent(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() != 'e' && text.front() != 'E') return std::nullopt;
  text.remove_prefix(text.size() > 1 && text[1] == '+' ? 2 : 1);
  std::int32_t exponent = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return exponent;
}

}  // namespace

std::string integer_key(std::int64_t value) {
  std::string key;
  append_big(key, static_cast<std::uint64_t>(value) ^ sign_bit);
  return key;
}

std::string float_key(double value) {
  std::string key;
  if (std::isnan(value)) {
    append_big(key, ~std::uint64_t{0});
    return key;
  }
  const auto bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
  append_big(key, (bits & sign_bit) != 0 ? ~bits : bits | sign_bit);
  return key;
}

// 0.d1d2d3… times ten to the power of `exponent`, d1 not zero: sign, exponent, digits.
std::optional<std::string> decimal_key(std::string_view text) {
  if (text == "NaN") return std::string(1, not_a_number);
  if (text == "Infinity") return std::string(1, infinity);
  if (text == "-Infinity") return std::string(1, minus_infinity);
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  const auto whole = digits_at(text, 0);
  const bool has_point = whole < text.size() && text[whole] == '.';
  const auto fraction = has_point ? digits_at(text, whole + 1) : 0;
  if (whole + fraction == 0) return std::nullopt;
  auto exponent = read_exponent(text.substr(whole + (has_point ? 1 : 0) + fraction));
  if (!exponent) return std::nullopt;
  std::string digits(text.substr(0, whole));
  if (has_point) digits += text.substr(whole + 1, fraction);
  const auto first = digits.find_first_not_of('0');
  if (first == std::string::npos) return std::string(1, zero);
  *exponent += static_cast<std::int64_t>(whole) - static_cast<std::int64_t>(first);
  digits.erase(digits.find_last_not_of('0') + 1);
  digits.erase(0, first);

  std::string key = integer_key(*exponent) + digits;
  if (minus) {
    // More digits are a greater magnitude, and so a lesser value: the end counts as the greatest.
    for (auto& c : key) c = static_cast<char>(~static_cast<unsigned char>(c));
    key += '\xFF';
  }
  return std::string(1, minus ? negative : positive) + key;
}

std::optional<std::string> network_key(std::string_view text) {
  const auto slash = text.find('/');
  const std::string host(text.substr(0, slash));
  const bool six = host.find(':') != std::string::npos;
  std::array<unsigned char, 16> address{};
  if (inet_pton(six ? AF_INET6 : AF_INET, host.c_str(), address.data()) != 1) return std::nullopt;
  const int bits_max = six ? 128 : 32;
  int bits = bits_max;
  if (slash != std::string_view::npos) {
    const auto size = text.substr(slash + 1);
    const auto [end, failure] = std::from_chars(size.data(), size.data() + size.size(), bits);
    if (failure != std::errc() || end != size.data() + size.size() || bits < 0 || bits > bits_max)
      return std::nullopt;
  }
  std::string key(1, six ? '\2' : '\1');
  for (int i = 0; i < bits; ++i) {
    const auto byte = address.at(static_cast<std::size_t>(i) / 8);
    key += ((byte >> (7 - i % 8)) & 1) != 0 ? '\2' : '\1';
  }
  // A shorter network comes before a longer one that it begins.
  key += '\0';
  key.append(reinterpret_cast<const char*>(address.data()), static_cast<std::size_t>(bits_max) / 8);
  return key;
}

}  // namespace pulse::values
