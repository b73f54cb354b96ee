// What Pulse's event triggers write into the WAL beside a statement that makes, alters or drops
// tables (source/ddl_trigger.cpp).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace pulse {

// The prefix of the logical message.
inline constexpr std::string_view ddl_message_prefix = "pulse.ddl";

struct ddl_message {
  bool every_table = false;           // there were more than the message holds
  std::vector<std::uint32_t> tables;  // OIDs of those that it concerns
  // Of these: UPDATEs and DELETEs (of a partitioned table: the name that its partitions' rows come
  // under) are not published as they should be from the message's place on, until Pulse has listed
  // the table.
  std::vector<std::uint32_t> unsent;
};

// OIDs separated by blanks, those of `unsent` with '!' before them, or "*" alone. What is neither
// is passed over: others can write such messages too.
ddl_message parse_ddl_message(std::string_view content);

}  // namespace pulse
