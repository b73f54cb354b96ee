// A column that a filter names, and what all its operators share.
#pragma once

#include <string>

#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "change/relation.hpp"
#include "change/table_facts.hpp"
#include "filters/predicate.hpp"
#include "values/value_key.hpp"

namespace pulse::filters {

struct filter_column {
  column_type type;
  const table_facts* table = nullptr;   // null: not known
  const column_facts* facts = nullptr;  // null: not known
  predicate leaf = {};                  // says which column and which row
};

predicate leaf_test(const filter_column& column, text_test holds, test_cost cost = {});
inline test_cost cost_with(const values::text_form& form) {
  return {form.bytes_max, 1};
}
predicate is_null_test(const filter_column& column);

// Text that a collation compares, not what it stands for (as uuid and inet).
bool is_collated(const column_type& type);

// Keys of the column's own equality; `type` is the column's or its elements'.
result<values::text_form> equality_key_of(const filter_column& column, const column_type& type);

// wanted_text() (value_key.hpp), and of an enum only what is a label: errc::invalid_argument names
// the labels.
result<std::string> column_text(const filter_column& column, const column_type& type,
                                const boost::json::value& wanted);

}  // namespace pulse::filters
