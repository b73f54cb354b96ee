// A place in PostgreSQL's write-ahead log.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pulse {

// PostgreSQL's pg_lsn: a byte offset into the WAL of one timeline. Written "16/B374D848"
// (PostgreSQL manual, section 8.20). Zero is "no LSN" there and here. An LSN alone identifies no
// change: see position.hpp.
struct lsn {
  std::uint64_t value = 0;

  auto operator<=>(const lsn&) const = default;
  explicit operator bool() const noexcept { return value != 0; }
};

std::string to_string(lsn place);
std::optional<lsn> parse_lsn(std::string_view text);

}  // namespace pulse
