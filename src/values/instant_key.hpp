// Dates and times as bytes that compare as they do. See value_key.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "change/relation.hpp"

namespace pulse::values {

// `kind` is date, time, timetz, timestamp or timestamptz. Reads what PostgreSQL writes under
// DateStyle ISO and TimeZone UTC (years of any length, BC, infinities) and ISO 8601 as JavaScript
// writes it (years with a sign). A time takes of an instant its time of day, a date its day. timetz
// compares by the instant, then by the offset, as PostgreSQL does.
std::optional<std::string> instant_key(value_kind kind, std::string_view text);

}  // namespace pulse::values
