// What Pulse's event triggers write into the WAL beside a statement that makes, alters or drops
// tables (source/ddl_trigger.cpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "change/type_catalog.hpp"

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
  // Composite types that columns of the tables consist of, by OID, as they are from the message's
  // place on. Nothing: there was no room to say it.
  std::map<std::uint32_t, std::optional<std::vector<type_attribute>>> composites;
  // There are more than are named, of any OID. `every_table` with it.
  bool more_composites = false;

  // As if both were one. A migration may touch many tables, the same ones again and again: beyond a
  // bound it is every table. Composite types are of one message's place: they are left out.
  void add(const ddl_message& more);
  bool empty() const { return !every_table && tables.empty(); }
};

// '#' and the token, then OIDs separated by blanks, those of `unsent` with '!' before them, or "*"
// alone. "@16400=" and attributes separated by commas, each "NAME/TYPE/MODIFIER" with its name's
// UTF-8 in hexadecimal digits, is a composite type; "@16400" alone one that there was no room for,
// "@*" any others. What is none of these is passed over. Anybody who may log in can write such
// messages: what they say is a reason to look. What was not sent, and composite types, are believed
// where the token is right, which the triggers alone can read; an empty one never is.
ddl_message parse_ddl_message(std::string_view content, std::string_view token);

}  // namespace pulse
