#include "base/shown_numbers.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace pulse {

std::string shown_count(std::uint64_t count) {
  auto digits = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string shown_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  // What would be rounded up to 1024 is 1 of the next unit.
  constexpr double next_unit_from = 1023.95;
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (number >= next_unit_from && unit + 1 < units.size()) {
    number /= 1024;
    ++unit;
  }
  auto text = fmt::format("{:.1f}", number);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return fmt::format("{} {}", text, units.at(unit));
}

std::string shown_duration(std::chrono::seconds duration) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 3> units{
      {{"d", 86400}, {"h", 3600}, {"min", 60}}};
  const auto seconds = std::max<std::int64_t>(duration.count(), 0);
  for (const auto& [name, length] : units) {
    if (seconds >= 2 * length) return fmt::format("{} {}", seconds / length, name);
  }
  return fmt::format("{} s", seconds);
}

}  // namespace pulse
