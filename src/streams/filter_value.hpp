// Comparing a column's value with what a filter asks for, by the column's PostgreSQL type.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "change/relation.hpp"

namespace pulse::streams {

// True when the column's text (not NULL) equals the wanted value. Immutable; any thread.
using equals_text = std::function<bool(std::string_view)>;

// `wanted` as the client sends it: plain, or tagged ({"$type":…,"value":…}); an array for lists;
// never null. errc::invalid_argument when it is no value of this type; the message does not name
// the field (the caller does).
result<equals_text> compile_equals(const column_type& type, const boost::json::value& wanted);

}  // namespace pulse::streams
