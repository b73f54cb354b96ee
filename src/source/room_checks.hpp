// Replication slots and WAL senders: how many of PostgreSQL's are free.
#pragma once

#include <string_view>

#include "source/server_checks.hpp"

namespace pulse::source {

// One kind of resource of which PostgreSQL has a fixed number.
struct server_room {
  std::string_view what;      // "replication slots"
  std::string_view setting;   // how many there are: what raises it
  std::string_view left_for;  // what finds none when none is left
  int others = 0;             // taken, other than by Pulse
  bool has_own = false;       // Pulse has taken its own
  int most = 0;
};

// Returns a failure if none is left for Pulse, which needs one. Returns a warning if, apart from
// Pulse's own, none, one or less than a tenth is left.
finding check_room(const server_room& room);

}  // namespace pulse::source
