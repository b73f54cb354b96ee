// Replication slots and WAL senders: how many of the server's are left.
#pragma once

#include <string_view>

#include "source/server_checks.hpp"

namespace pulse::source {

// One kind of what a server has a fixed number of.
struct server_room {
  std::string_view what;      // "replication slots"
  std::string_view setting;   // how many there are: what raises it
  std::string_view left_for;  // what finds none when none is left
  int others = 0;             // taken, other than by Pulse
  bool has_own = false;       // Pulse has taken its own
  int most = 0;
};

// Failure: none is left for Pulse, which needs one. Warning: nearly used up, which is when what is
// left besides Pulse's own is one, none, or less than a tenth.
finding check_room(const server_room& room);

}  // namespace pulse::source
