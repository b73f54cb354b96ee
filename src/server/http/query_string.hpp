// The parameters behind a request target's question mark.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace pulse::server
