#include "server/http/query_string.hpp"

#include <algorithm>
#include <utility>

#include "base/percent_encoding.hpp"

namespace pulse::server {
namespace {

std::optional<std::string> decode_parameter(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return percent_decode(spaced);
}

}  // namespace

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
    auto name = decode_parameter(one.substr(0, equals));
    auto value = decode_parameter(raw_value);
    if (!name || !value) return std::nullopt;
    parsed.values_.push_back({std::move(*name), std::move(*value), raw_value});
  }
  return parsed;
}

const query_value* query_string::find(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &query_value::name);
  return found == values_.end() ? nullptr : &*found;
}

}  // namespace pulse::server
