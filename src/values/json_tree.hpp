// JSON as jsonb sees it: numbers of any size exactly, members without order.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulse::values {

// One value and what is in it. Of members with the same name the last counts, as in jsonb.
struct json_tree {
  enum class kind { null, boolean, number, string, array, object };

  kind is = kind::null;
  bool truth = false;               // of a boolean
  std::string text;                 // of a string; of a number its spelling
  std::vector<json_tree> elements;  // of an array; of an object its members' values
  std::vector<std::string> names;   // of an object: sorted, one for each of `elements`

  // Nothing when the text is no JSON (RFC 8259) or deeper than json_levels_max.
  static std::optional<json_tree> parse(std::string_view text);

  const json_tree* member(std::string_view name) const;
};

// PostgreSQL bounds depth by its stack only; what is deeper is not looked into here.
inline constexpr std::size_t json_levels_max = 2000;

// Bytes that are the same for values that are equal as jsonb (manual, section 8.14.4), and differ
// otherwise.
std::string equality_key(const json_tree& value);

// The value as JSON text; numbers as they were spelled.
std::string to_text(const json_tree& value);

// jsonb's #> (manual, section 9.16): names of members, numbers of elements, counted from the end
// when negative. Null: there is no such place.
const json_tree* at_path(const json_tree& value, std::span<const std::string> path);

// jsonb's @> (manual, section 8.14.3). Arrays in arrays are each compared with each: after this
// many steps it is left, and nothing is returned.
std::optional<bool> contains(const json_tree& whole, const json_tree& part);
inline constexpr std::size_t json_contains_steps_max = 1'000'000;

}  // namespace pulse::values
