// One event as bytes inside a block: a fixed header and the rows as PostgreSQL sent them.
// docs/log_format.md, "Event".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "change/event.hpp"

namespace pulse::log {

inline constexpr std::size_t event_header_bytes = 68;
// A row's fields are limited by PostgreSQL to 1 GB each; two rows of more than this together are
// refused.
inline constexpr std::uint64_t event_bytes_max = std::uint64_t{1} << 32U;

inline std::uint64_t encoded_bytes(const event_view& event) {
  return event_header_bytes + event.before.bytes().size() + event.after.bytes().size();
}

// Appends the event. `encoded_bytes(event)` is at most event_bytes_max.
void encode_event(const event_view& event, std::string& to);

// Reads the event that starts at `at`, with the given sequence, and moves `at` to its end. The
// block's checksum was checked before, so this checks only that nothing is read past the end
// (errc::corrupt).
result<event_view> decode_event(byte_view block, std::size_t& at, event_sequence sequence);

void encode_position(const position& at, std::byte* to);  // 24 bytes
position decode_position(const std::byte* from);
inline constexpr std::size_t position_bytes = 24;

}  // namespace pulse::log
