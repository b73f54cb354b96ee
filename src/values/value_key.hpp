// Values as bytes that compare as the values do.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "change/relation.hpp"

namespace pulse::values {

// A value's place in its type's order: equal values have equal keys, lesser ones lesser keys (as
// unsigned bytes). Nothing when the text is no value of the type.
using value_key = std::function<std::optional<std::string>(std::string_view text)>;

// A way to make keys, with a name that is the same for all that make the same keys: what is made of
// one value is made once.
struct text_form {
  std::string name = {};
  value_key key = {};
  // About how much longer a byte takes than it takes to be searched.
  std::uint64_t per_byte = 1;
  // Larger values are not looked at in this form, and so decide nothing: their events are delivered
  // and counted (filter_verdict::undecided).
  std::size_t bytes_max = std::numeric_limits<std::size_t>::max();
};

// What a byte takes to be folded by Unicode's or a collation's rules, and to be parsed; and of how
// many that is done. A value is folded or parsed in one go, so this bounds a turn: a collation's
// key takes 20 ms a MiB. What was parsed takes up to 100 times as much memory.
inline constexpr std::uint64_t folding_per_byte = 16;
inline constexpr std::uint64_t parsing_per_byte = 24;
inline constexpr std::size_t folded_bytes_max = std::size_t{1} << 20U;
inline constexpr std::size_t parsed_bytes_max = std::size_t{1} << 20U;

// The keys of a type's text form (of a list's elements), as PostgreSQL's own comparison of that
// type orders them: NaN above everything, infinities, years BC, decimals of any precision. Texts
// are compared by their bytes (char(n) without trailing blanks); collations are
// text_comparison.hpp's.
value_key plain_key(const column_type& type);
text_form plain_form(const column_type& type);

// PostgreSQL orders values of the kind, and Prisma has lt and the like for it; of text that depends
// on the type.
bool has_order(value_kind kind);

// Nothing: the type has no plain key (xml has no equality; citext folds as the database does).
bool has_plain_key(const column_type& type);

// The `$type` of what the client sends for values of the kind; empty: they are plain.
std::string_view tag_of(value_kind kind);

// What the client sends for one value (plain, or tagged {"$type":…,"value":…}; never null), as a
// text that plain_key() reads. errc::invalid_argument when it is no value of this type; the message
// does not name the field (the caller does).
result<std::string> wanted_text(const column_type& type, const boost::json::value& wanted);

// errc::invalid_argument: "… is no value of type …".
error no_value_of(const column_type& type, const boost::json::value& wanted);

}  // namespace pulse::values
