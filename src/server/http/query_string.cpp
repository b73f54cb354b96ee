#include "server/http/query_string.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/nearest_name.hpp"
#include "base/percent_encoding.hpp"
#include "requests/json_members.hpp"

namespace pulse::server {

std::optional<std::string> decode_query(std::string_view raw) {
  std::string spaced(raw);
  std::ranges::replace(spaced, '+', ' ');
  return percent_decode(spaced);
}

std::optional<query_string> query_string::of_target(std::string_view target) {
  query_string parsed;
  const auto question = target.find('?');
  auto rest = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  while (!rest.empty()) {
    const auto one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    if (one.empty()) continue;
    const auto equals = std::min(one.find('='), one.size());
    const auto raw_value = one.substr(std::min(equals + 1, one.size()));
    auto name = decode_query(one.substr(0, equals));
    auto value = decode_query(raw_value);
    if (!name || !value) return std::nullopt;
    parsed.values_.push_back({std::move(*name), std::move(*value), raw_value});
  }
  return parsed;
}

const query_value* query_string::find(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &query_value::name);
  return found == values_.end() ? nullptr : &*found;
}

result<void> check_parameters(const query_string& query, std::span<const std::string_view> known) {
  constexpr std::size_t compared_bytes_max = 80;
  for (const auto& one : query.all()) {
    const auto place = requests::request_place::of_query(one.name);
    if (std::ranges::find(known, one.name) == known.end()) {
      const auto near = nearest_name(std::string_view(one.name).substr(0, compared_bytes_max),
                                     {known.begin(), known.end()});
      return place.wrong(
          fmt::format("is an unknown parameter; known are {}", fmt::join(known, ", ")),
          near.empty() ? "leave it out" : fmt::format("did you mean '{}'?", near));
    }
    const auto same = [&](const query_value& other) { return other.name == one.name; };
    if (std::ranges::count_if(query.all(), same) > 1) return place.wrong("is given twice");
  }
  return {};
}

}  // namespace pulse::server
