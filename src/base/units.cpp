#include "base/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

namespace pulse {
namespace {

struct quantity {
  std::uint64_t whole = 0;
  // Of 10^places.
  std::uint64_t fraction = 0;
  std::uint64_t one = 1;
  std::string_view unit;
};

constexpr std::string_view digits = "0123456789";

// "1234", and by thousands "1,234" or "1_234".
std::optional<std::uint64_t> whole_number(std::string_view text) {
  const auto first = std::min(text.find_first_not_of(digits), text.size());
  std::string plain(text.substr(0, first));
  const bool grouped = first < text.size();
  if (grouped && (first == 0 || first > 3)) return std::nullopt;
  const char separator = grouped ? text[first] : ',';
  for (text.remove_prefix(first); !text.empty(); text.remove_prefix(4)) {
    const auto group = text.substr(1, 3);
    if (text.front() != separator || group.size() != 3 ||
        group.find_first_not_of(digits) != std::string_view::npos) {
      return std::nullopt;
    }
    plain += group;
  }
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(plain.data(), plain.data() + plain.size(), number);
  if (failure != std::errc() || end != plain.data() + plain.size()) return std::nullopt;
  return number;
}

std::optional<quantity> split(std::string_view text) {
  constexpr std::size_t places_max = 6;
  quantity found;
  const auto number_end = std::min(text.find_first_not_of("0123456789,_"), text.size());
  const auto whole = whole_number(text.substr(0, number_end));
  if (!whole) return std::nullopt;
  found.whole = *whole;
  text.remove_prefix(number_end);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const auto places = std::min(text.find_first_not_of(digits), text.size());
    if (places == 0 || places > places_max) return std::nullopt;
    const auto part = text.substr(0, places);
    std::from_chars(part.data(), part.data() + part.size(), found.fraction);
    for (std::size_t i = 0; i < places; ++i) found.one *= 10;
    text.remove_prefix(places);
  }
  while (text.starts_with(' ')) text.remove_prefix(1);
  found.unit = text;
  return found;
}

std::string lower(std::string_view text) {
  std::string all(text);
  for (auto& c : all) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return all;
}

// Rounded down; of the smallest unit there are no parts.
template <class Units>
std::optional<std::uint64_t> scaled(std::string_view text, const Units& units) {
  const auto found = split(text);
  if (!found) return std::nullopt;
  for (const auto& [name, factor] : units) {
    if (found->unit != name) continue;
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    if (factor == 1 && found->one != 1) return std::nullopt;
    if (found->whole > most / factor) return std::nullopt;
    const auto part = found->fraction * (factor / found->one) +
                      found->fraction * (factor % found->one) / found->one;
    if (found->whole * factor > most - part) return std::nullopt;
    return found->whole * factor + part;
  }
  return std::nullopt;
}

using unit = std::pair<std::string_view, std::uint64_t>;

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::uint64_t k = 1000;
  constexpr std::uint64_t ki = 1024;
  constexpr std::array<unit, 10> units{{{"", 1},
                                        {"b", 1},
                                        {"kb", k},
                                        {"mb", k * k},
                                        {"gb", k * k * k},
                                        {"tb", k * k * k * k},
                                        {"kib", ki},
                                        {"mib", ki * ki},
                                        {"gib", ki * ki * ki},
                                        {"tib", ki * ki * ki * ki}}};
  return scaled(lower(text), units);
}

// Small letters only: M could be months.
std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t minute = 60;
  constexpr std::uint64_t hour = 60 * minute;
  constexpr std::uint64_t day = 24 * hour;
  constexpr std::array<unit, 18> units{{{"s", 1},
                                        {"sec", 1},
                                        {"second", 1},
                                        {"seconds", 1},
                                        {"m", minute},
                                        {"min", minute},
                                        {"minute", minute},
                                        {"minutes", minute},
                                        {"h", hour},
                                        {"hr", hour},
                                        {"hour", hour},
                                        {"hours", hour},
                                        {"d", day},
                                        {"day", day},
                                        {"days", day},
                                        {"w", 7 * day},
                                        {"week", 7 * day},
                                        {"weeks", 7 * day}}};
  const auto seconds = scaled(text, units);
  constexpr std::uint64_t century = std::uint64_t{100} * 366 * 86400;
  if (!seconds || *seconds > century) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

std::optional<std::chrono::milliseconds> parse_short_duration(std::string_view text) {
  constexpr std::array<unit, 3> units{{{"ms", 1}, {"s", 1000}, {"sec", 1000}}};
  const auto ms = scaled(text, units);
  constexpr std::uint64_t hour = 3'600'000;
  if (!ms || *ms > hour) return std::nullopt;
  return std::chrono::milliseconds(*ms);
}

}  // namespace pulse
