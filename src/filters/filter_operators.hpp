// The operators on one column, as Prisma has them for its type.
#pragma once

#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "filters/filter_column.hpp"
#include "filters/predicate.hpp"

namespace pulse::filters {

// `given` is what the filter has for the field: a value (plain, tagged, null) for equality, or an
// object of operators. A condition without children is no condition, as `{}` in Prisma. Errors name
// the operator; the caller names the field.
result<predicate> compile_operators(const filter_column& column, const boost::json::value& given);

}  // namespace pulse::filters
