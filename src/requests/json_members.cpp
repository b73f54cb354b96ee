#include "requests/json_members.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/nearest_name.hpp"
#include "base/shown_text.hpp"
#include "base/units.hpp"

namespace pulse::requests {

namespace json = boost::json;

namespace {

// Of an unknown name: looking for the nearest known one takes time in proportion to its length.
constexpr std::size_t name_bytes_shown_max = 80;
constexpr std::chrono::milliseconds duration_max = std::chrono::hours(24 * 1000);

constexpr std::string_view duration_expected =
    R"(is not a duration; write "20s", "500ms", "2min", or a number of seconds)";
constexpr std::string_view size_expected =
    R"(is not a size; write "1MiB", "500kB", or a number of bytes)";
constexpr std::string_view count_expected = "is not a whole number from 0 on";

std::optional<std::chrono::milliseconds> milliseconds_of(double seconds) {
  const auto ms = std::round(seconds * 1000);
  if (!(ms >= 0) || ms > static_cast<double>(duration_max.count())) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

std::optional<std::uint64_t> whole_number_at(const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0)
    return static_cast<std::uint64_t>(value.get_int64());
  return std::nullopt;
}

}  // namespace

request_place request_place::of_header(std::string_view name) {
  request_place place;
  place.source_ = fmt::format("the '{}' header", name);
  place.next_ = "send the header as the Pulse client extension does";
  return place;
}

request_place request_place::of_body() {
  request_place place;
  place.source_ = "the body";
  place.source_is_always_named_ = false;
  place.next_ = "see docs/http_api.md for the members of this body";
  return place;
}

request_place request_place::of_query(std::string_view name) {
  request_place place;
  place.source_ = fmt::format("the query's '{}'", cut_and_shown(name, name_bytes_shown_max));
  place.next_ = "see docs/http_api.md for the parameters of this route";
  return place;
}

request_place request_place::member(std::string_view name) const {
  auto place = *this;
  if (!place.path_.empty()) place.path_ += '.';
  place.path_ += cut_and_shown(name, name_bytes_shown_max);
  return place;
}

request_place request_place::element(std::size_t index) const {
  auto place = *this;
  place.path_ += fmt::format("[{}]", index);
  return place;
}

std::string request_place::text() const {
  if (path_.empty()) return source_;
  return source_is_always_named_ ? source_ + ": " + path_ : path_;
}

error request_place::wrong(std::string_view problem) const {
  return wrong(problem, std::string(next_));
}

error request_place::wrong(std::string_view problem, std::string next) const {
  return {errc::invalid_argument, fmt::format("{} {}", text(), problem), std::move(next)};
}

result<json::value> parse_json(std::string_view text, const request_place& place) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  json::error_code failure;
  auto parsed = json::parse(text, failure, {}, options);
  if (failure) return place.wrong("is not JSON: " + failure.message());
  return parsed;
}

const json::value* find_member(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

result<void> check_members(const json::object& object, std::span<const std::string_view> known,
                           const request_place& place) {
  for (const auto& entry : object) {
    const std::string_view name = entry.key();
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto near = nearest_name(name.substr(0, name_bytes_shown_max),
                                   std::vector<std::string>(known.begin(), known.end()));
    return place.member(name).wrong(
        fmt::format("is an unknown member; known are {}", fmt::join(known, ", ")),
        near.empty() ? "leave it out" : fmt::format("did you mean '{}'?", near));
  }
  return {};
}

result<const json::object*> object_at(const json::value& value, const request_place& place) {
  if (!value.is_object()) return place.wrong("is not an object");
  return &value.get_object();
}

result<std::string> text_member(const json::object& object, std::string_view name,
                                const request_place& place) {
  const auto* found = find_member(object, name);
  if (found == nullptr) return std::string();
  if (!found->is_string()) return place.member(name).wrong("is not a string");
  return std::string(found->get_string());
}

result<std::chrono::milliseconds> duration_at(const json::value& value,
                                              const request_place& place) {
  if (value.is_string()) return duration_of(value.get_string(), place);
  if (!value.is_number()) return place.wrong(duration_expected);
  const auto duration = milliseconds_of(value.to_number<double>());
  if (!duration) return place.wrong(duration_expected);
  return *duration;
}

result<std::chrono::milliseconds> duration_of(std::string_view text, const request_place& place) {
  if (const auto duration = parse_short_duration(text)) return *duration;
  if (const auto duration = parse_duration(text); duration && *duration <= duration_max)
    return std::chrono::milliseconds(*duration);
  double seconds = 0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
  const auto duration = failure == std::errc() && end == text.data() + text.size()
                            ? milliseconds_of(seconds)
                            : std::nullopt;
  if (!duration) return place.wrong(duration_expected);
  return *duration;
}

result<std::uint64_t> size_at(const json::value& value, const request_place& place) {
  if (value.is_string()) return size_of(value.get_string(), place);
  const auto size = whole_number_at(value);
  if (!size) return place.wrong(size_expected);
  return *size;
}

result<std::uint64_t> size_of(std::string_view text, const request_place& place) {
  const auto size = parse_size(text);
  if (!size) return place.wrong(size_expected);
  return *size;
}

result<std::uint64_t> count_at(const json::value& value, const request_place& place) {
  const auto count = whole_number_at(value);
  if (!count) return place.wrong(count_expected);
  return *count;
}

result<std::uint64_t> count_of(std::string_view text, const request_place& place) {
  std::uint64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc() || end != text.data() + text.size())
    return place.wrong(count_expected);
  return count;
}

}  // namespace pulse::requests
