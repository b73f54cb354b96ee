// Instants as ISO 8601 has them, in UTC.
#pragma once

#include <cstdint>
#include <string>

namespace pulse::values {

// Appends "2024-05-28T12:34:56.789Z" for microseconds since 1970-01-01: milliseconds always,
// microseconds when there are any. False, and nothing appended, outside the years 1 to 9999.
bool append_utc(std::string& to, std::int64_t instant_us);

}  // namespace pulse::values
