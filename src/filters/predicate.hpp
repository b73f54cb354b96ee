// A compiled condition on a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "change/event.hpp"
#include "filters/event_values.hpp"
#include "filters/filter_row.hpp"
#include "filters/truth.hpp"
#include "values/value_key.hpp"

namespace pulse::filters {

// The values that alone can make a condition on a column true.
struct demanded_values {
  values::text_form form;
  std::vector<std::string> keys;
};

struct test_cost {
  std::size_t bytes_max = std::numeric_limits<std::size_t>::max();  // as text_form has it
  work_units per_byte = 1;  // of the value, once what it works on is made
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
  test_cost cost = {};
  std::size_t number = 0;                                 // of `is_null` and `test`: in its filter
  std::optional<demanded_values> demands = std::nullopt;  // of `test`
};

predicate negate(predicate inner);
predicate open_predicate();

// How many of the conditions in it are `is_null` or `test`; they get numbers from `first` on.
std::size_t number_conditions(predicate& test, std::size_t first = 0);

// The evaluation of one event by one filter, which may be interrupted and continued.
struct judging {
  event_values* values = nullptr;
  // What conditions may take (what is kept of the event for all filters is not counted here).
  work_units left = 0;
  // What is known of each condition, by its number; null: everything is judged in one go.
  std::vector<std::optional<truth>>* outcomes = nullptr;
  bool unfinished = false;  // nothing was left: what evaluate() has returned means nothing
};

// Judges another condition as long as anything is left.
truth evaluate(const predicate& test, judging& how);

// A column and the values, one of which it must have for the condition to come true.
struct index_terms {
  row_side side = row_side::new_row;
  std::size_t column = 0;
  bool in_identity = false;
  demanded_values values;  // keys sorted, each once
};

// The narrowest that the condition's shape gives; nothing when it is not bound to values.
std::optional<index_terms> terms_of(const predicate& test);

}  // namespace pulse::filters
