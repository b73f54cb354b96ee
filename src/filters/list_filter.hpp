// Conditions on lists: equals, has, hasEvery, hasSome, isEmpty.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "filters/filter_column.hpp"
#include "filters/predicate.hpp"
#include "values/value_key.hpp"

namespace pulse::filters {

// One element that a filter names, by its key; none: NULL.
using wanted_element = std::optional<std::string>;

// PostgreSQL's array operators (manual, section 9.19): = compares element by element, NULLs equal,
// and wants the same bounds; @> and && look at elements of every dimension and find no NULL.
// `element` makes the keys.
text_test list_equals(const std::vector<wanted_element>& wanted, values::text_form element,
                      char delimiter);
text_test list_has_every(const std::vector<wanted_element>& wanted, values::text_form element,
                         char delimiter);
text_test list_has_some(const std::vector<wanted_element>& wanted, values::text_form element,
                        char delimiter);
text_test list_is_empty(bool empty);

// As compile_operators() (filter_operators.hpp), of a column that is a list.
result<predicate> compile_list_operators(const filter_column& column,
                                         const boost::json::value& given);

}  // namespace pulse::filters
