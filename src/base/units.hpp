// Sizes and durations as people write them: with or without a space before the unit, thousands by
// commas or underscores, and parts behind a point, rounded down. Large and small letters are one in
// sizes; durations have small ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pulse {

// "64MiB", "1.5 GiB", "10GB", "500kB", "1048576", "1,048,576": bytes. A prefix without i is
// decimal.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "7d", "36h", "90m", "30s", "5 min", "1.5 hours", "2 weeks".
std::optional<std::chrono::seconds> parse_duration(std::string_view text);
// "50ms", "2s".
std::optional<std::chrono::milliseconds> parse_short_duration(std::string_view text);

}  // namespace pulse
