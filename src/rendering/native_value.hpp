// PostgreSQL's values as native events have them: the table in docs/native_events.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "change/relation.hpp"

namespace pulse::rendering {

// Deeper JSON is delivered as a string: parsers of other languages have limits, and one row must
// not stop a consumer for good.
inline constexpr std::size_t native_json_depth_max = 100;

// Appends one value's JSON. `text` is PostgreSQL's output under the fixed session settings
// (source/connection.cpp), or what a log of an older version holds. False when the text is not what
// the type promises, when JSON in it is too deep, or when the type is one that Pulse does not know;
// what was appended must be taken back then.
bool append_native(std::string& to, const column_type& type, std::string_view text);

// A json or jsonb value that is JSON's null, which the event cannot tell from SQL's.
bool is_json_null(const column_type& type, std::string_view text);

}  // namespace pulse::rendering
