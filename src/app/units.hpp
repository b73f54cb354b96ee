// Sizes and durations as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pulse::app {

// "64MiB", "1GiB", "500kB", "1048576": bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "7d", "36h", "90m", "30s".
std::optional<std::chrono::seconds> parse_duration(std::string_view text);
// "50ms", "2s".
std::optional<std::chrono::milliseconds> parse_short_duration(std::string_view text);

}  // namespace pulse::app
