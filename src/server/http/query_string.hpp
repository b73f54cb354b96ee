// The parameters behind a request target's question mark.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace pulse::server {

struct query_value {
  std::string name;   // decoded
  std::string value;  // decoded
  // As sent: for values of which an encoded dot means another thing than a bare one.
  std::string_view raw_value;
};

// Names and values in the order sent; repeated names are kept. `%20` and `+` are spaces, as forms
// and URLSearchParams write them. Valid as long as the target is.
class query_string {
 public:
  // Nothing: it has a broken escape.
  static std::optional<query_string> of_target(std::string_view target);

  const std::vector<query_value>& all() const { return values_; }
  // The first of this name; null: there is none.
  const query_value* find(std::string_view name) const;

 private:
  std::vector<query_value> values_;
};

// Refuses parameters that `known` does not name, with the nearest known name, and repeated ones.
result<void> check_parameters(const query_string& query, std::span<const std::string_view> known);

// Decodes a part of a raw_value. Nothing: it has a broken escape.
std::optional<std::string> decode_query(std::string_view raw);

}  // namespace pulse::server
