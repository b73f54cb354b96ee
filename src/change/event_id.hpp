// An event's identity: a ULID, given once, when the event is appended to the log.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "change/lsn.hpp"

namespace pulse {

// 128 bits, big-endian: 48 bits of milliseconds since the Unix epoch, 48 bits of the commit LSN, 32
// bits of count in the transaction. As text 26 characters of Crockford's base32
// (github.com/ulid/spec), which sort as the bytes do.
struct event_id {
  static constexpr std::size_t text_size = 26;

  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const event_id&) const = default;

  std::uint64_t time_ms() const noexcept;
  std::uint64_t commit_low() const noexcept;  // the low 48 bits of the commit LSN
  std::uint32_t count() const noexcept;
};

inline constexpr std::uint64_t event_id_time_ms_max = (std::uint64_t{1} << 48U) - 1;

event_id make_event_id(std::uint64_t time_ms, lsn commit, std::uint32_t count) noexcept;

std::string to_string(const event_id& id);
// Writes exactly event_id::text_size characters.
void write_text(const event_id& id, char* to) noexcept;
// Accepts lower case; refuses any other length, character or a value above 128 bits.
std::optional<event_id> parse_event_id(std::string_view text) noexcept;

// Returns ids that rise in the order of the calls, whatever the server's clock does: the time is
// that of the commit, clamped so that it never falls below the last id's. One owner; not
// thread-safe.
class event_id_sequence {
 public:
  event_id_sequence() = default;
  // Continues after `last`, the highest id ever given (it must survive retention).
  explicit event_id_sequence(const event_id& last) : last_(last) {}

  // Returns the next id, for a change of the transaction that committed at `commit` on
  // `committed_at`. The count continues within the same transaction and starts at zero in another.
  event_id next(lsn commit, std::chrono::sys_time<std::chrono::microseconds> committed_at) noexcept;

  const event_id& last() const noexcept { return last_; }

 private:
  event_id last_{};
};

}  // namespace pulse
