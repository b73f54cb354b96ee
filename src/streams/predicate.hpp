// A compiled condition on a row.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "change/event.hpp"
#include "streams/filter_row.hpp"
#include "streams/truth.hpp"
#include "streams/value_key.hpp"

namespace pulse::streams {

// Judges a column's text, which is not NULL. Immutable; any thread.
using text_test = std::function<truth(std::string_view)>;

// The values that alone can make a condition on a column true.
struct demanded_values {
  std::string type;  // the same for all conditions whose keys are made in the same way
  value_key key;
  std::vector<std::string> keys;
};

struct predicate {
  enum class operation {
    all,      // of no children: yes
    any,      // of no children: no
    negated,  // of its one child
    is_null,
    test,
    open,  // cannot be decided by any event of this table version
  };

  operation op = operation::all;
  std::vector<predicate> children = {};
  row_side side = row_side::new_row;
  std::size_t column = 0;
  bool in_identity = false;
  text_test holds = {};
  std::optional<demanded_values> demands = std::nullopt;  // of `test`
};

predicate negate(predicate inner);
predicate open_predicate();

truth evaluate(const predicate& test, const event_view& event);

// A column and the values, one of which it must have for the condition to come true.
struct index_terms {
  row_side side = row_side::new_row;
  std::size_t column = 0;
  bool in_identity = false;
  demanded_values values;  // keys sorted, each once
};

// The narrowest that the condition's shape gives; nothing when it is not bound to values.
std::optional<index_terms> terms_of(const predicate& test);

}  // namespace pulse::streams
