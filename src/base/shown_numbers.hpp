// Numbers on their way to people. What programs read (JSON, metrics) stays exact.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pulse {

// "1,234,567".
std::string shown_count(std::uint64_t count);

// "512 B", "1.4 GiB": one digit behind the point, and none when it would be 0. Configuration takes
// it back, as far as its digits go.
std::string shown_bytes(std::uint64_t bytes);

// "12 s", "5 min", "3 h", "9 d": one unit, of which there are at least two, rounded down. What is
// negative is "0 s".
std::string shown_duration(std::chrono::seconds duration);

}  // namespace pulse
