// What Pulse's event triggers write into the WAL beside a statement that makes, alters or drops
// tables (source/ddl_trigger.cpp).
#pragma once

#include <cstdint>
#include <set>
#include <string_view>

namespace pulse {

// The prefix of the logical message.
inline constexpr std::string_view ddl_message_prefix = "pulse.ddl";

struct ddl_message {
  bool every_table = false;        // there are more than are named
  std::set<std::uint32_t> tables;  // OIDs of those that it concerns
  // Of these: UPDATEs and DELETEs (of a partitioned table: the name that its partitions' rows come
  // under) are not published as they should be from the message's place on, until Pulse has listed
  // the table.
  std::set<std::uint32_t> unsent;

  // As if both were one. A migration may touch many tables, the same ones again and again: beyond a
  // bound it is every table.
  void add(const ddl_message& more);
  bool empty() const { return !every_table && tables.empty(); }
};

// '#' and the token, then OIDs separated by blanks, those of `unsent` with '!' before them, or "*"
// alone. What is none of these is passed over. Anybody who may log in can write such messages: what
// they say is a reason to look. That something was not sent is believed where the token is right,
// which the triggers alone can read; an empty one never is.
ddl_message parse_ddl_message(std::string_view content, std::string_view token);

}  // namespace pulse
