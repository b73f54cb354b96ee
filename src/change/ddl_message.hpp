// The message that Pulse's event triggers write into the WAL beside a statement that creates,
// alters or drops tables (source/ddl_trigger.cpp).
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
  // Of these, UPDATEs and DELETEs are not published as they should be from the message's position
  // on, until Pulse has listed the table. For a partitioned table: the name under which its
  // partitions' rows come.
  std::set<std::uint32_t> unsent;
  // Composite types of the tables' columns, by OID, as they are from the message's position on.
  // Nothing: the message had no room for them.
  std::map<std::uint32_t, std::optional<std::vector<type_attribute>>> composites;
  // There are more than are named, of any OID. `every_table` with it.
  bool more_composites = false;

  // Combines both. A migration may touch many tables, the same ones repeatedly: beyond a bound it
  // is every table. Composite types belong to one message's position: they are omitted.
  void add(const ddl_message& more);
  bool empty() const { return !every_table && tables.empty(); }
};

// The format: '#' and the token, then OIDs separated by blanks, those of `unsent` with '!' before
// them, or "*" alone. "@16400=" and attributes separated by commas, each "NAME/TYPE/MODIFIER" with
// its name's UTF-8 in hexadecimal digits, is a composite type; "@16400" alone one without room for
// it, "@*" any others. Other content is ignored. Anybody who may log in can write such messages, so
// the tables are only a reason to look. Unsent changes and composite types are believed only with
// the right token, which only the triggers can read; an empty token is never right.
ddl_message parse_ddl_message(std::string_view content, std::string_view token);

}  // namespace pulse
