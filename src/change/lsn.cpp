#include "change/lsn.hpp"

#include <charconv>

#include <fmt/format.h>

namespace pulse {
namespace {

std::optional<std::uint32_t> parse_half(std::string_view text) {
  if (text.empty() || text.size() > 8) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string to_string(lsn place) {
  return fmt::format("{:X}/{:X}", place.value >> 32U, place.value & 0xFFFFFFFFU);
}

std::optional<lsn> parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto high = parse_half(text.substr(0, slash));
  const auto low = parse_half(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return lsn{(static_cast<std::uint64_t>(*high) << 32U) | *low};
}

}  // namespace pulse
