// PostgreSQL's text forms of single values, as the consumer reads them and as filters compare them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "change/relation.hpp"

namespace pulse::values {

// Appends one value's JSON, or one element's of a list. `text` is PostgreSQL's output under the
// fixed session settings (DateStyle ISO, TimeZone UTC, bytea_output hex). False when the text is
// not what the type's kind promises: nothing was appended then.
bool append_value(std::string& to, const column_type& type, std::string_view text);

enum class list_rendering {
  whole,
  with_texts,  // elements that are not what the kind promises are their text
  damaged,     // no list: what was appended must be taken back
};

// Lists of any depth.
list_rendering append_list(std::string& to, const column_type& type, std::string_view text);

// Microseconds since 1970-01-01 of a date, time or timestamp as PostgreSQL writes it, or as ISO
// 8601 has it. Nothing for years outside 1 to 9999, BC and infinity. A time is on 1970-01-01 (24:00
// on the day after); its offset, which Prisma does not read, is dropped.
std::optional<std::int64_t> parse_instant_us(value_kind kind, std::string_view text);

// A JSON number (RFC 8259, section 6), which PostgreSQL's numbers are unless they are not finite.
bool is_json_number(std::string_view text);

// A decimal number's one spelling: no leading or trailing zeros, no exponent, no "-0". Nothing when
// it is no number.
std::optional<std::string> canonical_decimal(std::string_view text);
// How many decimals amounts of a money column have.
std::size_t money_decimals(const column_type& type);
// The number in money's text ("-$1,234.50"), currency and grouping taken away. The text always has
// two decimals, and the amount as many as the column's.
std::optional<std::string> money_number(const column_type& type, std::string_view text);

std::optional<std::string> decode_hex_bytea(std::string_view text);

}  // namespace pulse::values
