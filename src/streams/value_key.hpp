// Values as bytes that compare as the values do.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "change/relation.hpp"

namespace pulse::streams {

// A value's place in its type's order: equal values have equal keys, lesser ones lesser keys (as
// unsigned bytes). Nothing when the text is no value of the type.
using value_key = std::function<std::optional<std::string>(std::string_view text)>;

// The keys of a type's text form (of a list's elements), as PostgreSQL's own comparison of that
// type orders them: NaN above everything, infinities, years BC, decimals of any precision. Texts
// are compared by their bytes (char(n) without trailing blanks); collations are
// text_comparison.hpp's.
value_key plain_key(const column_type& type);

// Nothing: the type has no plain key (xml has no equality; citext folds as the database does).
bool has_plain_key(const column_type& type);

// What the client sends for one value (plain, or tagged {"$type":…,"value":…}; never null), as a
// text that plain_key() reads. errc::invalid_argument when it is no value of this type; the message
// does not name the field (the caller does).
result<std::string> wanted_text(const column_type& type, const boost::json::value& wanted);

// errc::invalid_argument: "… is no value of type …".
error no_value_of(const column_type& type, const boost::json::value& wanted);

}  // namespace pulse::streams
