#include "app/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace pulse::app {
namespace {

struct quantity {
  std::uint64_t number = 0;
  std::string_view unit;
};

std::optional<quantity> split(std::string_view text) {
  quantity found;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), found.number);
  if (failure != std::errc()) return std::nullopt;
  found.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (found.unit.starts_with(' ')) found.unit.remove_prefix(1);
  return found;
}

template <class Units>
std::optional<std::uint64_t> scaled(std::string_view text, const Units& units) {
  const auto found = split(text);
  if (!found) return std::nullopt;
  for (const auto& [name, factor] : units) {
    if (found->unit != name) continue;
    if (found->number > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
    return found->number * factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::uint64_t k = 1000;
  constexpr std::uint64_t ki = 1024;
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 10> units{
      {{"", 1},
       {"B", 1},
       {"kB", k},
       {"MB", k * k},
       {"GB", k * k * k},
       {"TB", k * k * k * k},
       {"KiB", ki},
       {"MiB", ki * ki},
       {"GiB", ki * ki * ki},
       {"TiB", ki * ki * ki * ki}}};
  return scaled(text, units);
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> units{
      {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
  const auto seconds = scaled(text, units);
  constexpr std::uint64_t century = std::uint64_t{100} * 366 * 86400;
  if (!seconds || *seconds > century) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

std::optional<std::chrono::milliseconds> parse_short_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 2> units{
      {{"ms", 1}, {"s", 1000}}};
  const auto ms = scaled(text, units);
  constexpr std::uint64_t hour = 3'600'000;
  if (!ms || *ms > hour) return std::nullopt;
  return std::chrono::milliseconds(*ms);
}

}  // namespace pulse::app
