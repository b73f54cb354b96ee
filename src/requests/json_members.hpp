// Reads members of the JSON that a consumer sends, and names each wrong member with its place.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"

namespace pulse::requests {

// Levels of nested objects and arrays in a header or a body.
inline constexpr std::size_t json_depth_max = 64;

// The place of a value in what a consumer sent, for the texts of errors: "where.update.after",
// "tables[1]", "the 'subscription' header: where". Immutable.
class request_place {
 public:
  // The JSON value of a header, `name` in small letters.
  static request_place of_header(std::string_view name);
  // The JSON value of a body.
  static request_place of_body();
  // One parameter of a query string.
  static request_place of_query(std::string_view name);

  request_place member(std::string_view name) const;
  request_place element(std::size_t index) const;

  std::string text() const;
  // errc::invalid_argument: "<place> <problem>", with what to do next.
  error wrong(std::string_view problem) const;
  // The same with other words about what to do next.
  error wrong(std::string_view problem, std::string next) const;

 private:
  std::string source_;  // "the 'subscription' header"
  bool source_is_always_named_ = true;
  std::string path_;       // "where.update"; empty: the whole value
  std::string_view next_;  // what to do about an error
};

// Parses what a consumer sends, to json_depth_max levels.
result<boost::json::value> parse_json(std::string_view text, const request_place& place);

// Returns the member; null if it is absent or JSON's null.
const boost::json::value* find_member(const boost::json::object& object, std::string_view name);

// Refuses members that `known` does not name, with the nearest known name. `place`: the object's.
result<void> check_members(const boost::json::object& object,
                           std::span<const std::string_view> known, const request_place& place);

result<const boost::json::object*> object_at(const boost::json::value& value,
                                             const request_place& place);

// Returns the member's text; empty if it is absent or null. `place`: the object's.
result<std::string> text_member(const boost::json::object& object, std::string_view name,
                                const request_place& place);

// A duration is text with a unit ("20s", "500ms", "2min"), or a number of seconds, as a JSON number
// or as text without a unit. At most 1,000 days: callers have smaller limits.
result<std::chrono::milliseconds> duration_at(const boost::json::value& value,
                                              const request_place& place);
result<std::chrono::milliseconds> duration_of(std::string_view text, const request_place& place);

// A size is text with a unit ("1MiB", "500kB"), or a number of bytes.
result<std::uint64_t> size_at(const boost::json::value& value, const request_place& place);
result<std::uint64_t> size_of(std::string_view text, const request_place& place);

// A whole number from 0 on, as a JSON number; as text in a query string.
result<std::uint64_t> count_at(const boost::json::value& value, const request_place& place);
result<std::uint64_t> count_of(std::string_view text, const request_place& place);

}  // namespace pulse::requests
