// Conditions on json and jsonb columns.
#pragma once

#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "filters/filter_column.hpp"
#include "filters/predicate.hpp"

namespace pulse::filters {

// As compile_operators() (filter_operators.hpp), of a json or jsonb column. The client sends a Json
// filter with one tag around the whole of it:
// {"$type":"Json","value":"{\"path\":[\"a\"],\"gt\":1}"}; what holds no operators is a value to be
// equal to. Bare null, and {"equals": null} or
// {"not": null} without a tag, mean the database's NULL.
result<predicate> compile_json_operators(const filter_column& column,
                                         const boost::json::value& given);

}  // namespace pulse::filters
