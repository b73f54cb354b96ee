// The text that keeps a lease through a restart, beside the cursor.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/event_id.hpp"

namespace pulse::streams {

struct outstanding_event {
  event_id id;
  std::uint32_t attempts = 1;  // times it was handed out

  bool operator==(const outstanding_event&) const = default;
};

struct stored_lease {
  std::string token_hash;  // empty: nobody has a lease, only `acknowledged` counts
  unix_time_us since{};
  unix_time_us expires_at{};
  std::chrono::seconds length{};
  std::vector<outstanding_event> outstanding;  // handed out and not acknowledged; rising
  std::vector<event_id> acknowledged;          // of events behind the cursor; rising

  bool operator==(const stored_lease&) const = default;
};

// Returns one line of JSON; empty: there is nothing to be stored.
std::string to_text(const stored_lease& lease);

// Reads what to_text() has written. errc::corrupt says what is wrong in it.
result<stored_lease> parse_lease(std::string_view text);

}  // namespace pulse::streams
