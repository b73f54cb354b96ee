// A change with its position and its identity: what the log stores and streams deliver.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "change/event_id.hpp"
#include "change/position.hpp"
#include "change/tuple.hpp"

namespace pulse {

// A truncate is an event of its table without rows.
enum class change_action : std::uint8_t { create = 1, update = 2, remove = 3, truncate = 4 };

// "create", "update", "delete", "truncate": the wire's words.
std::string_view to_string(change_action action) noexcept;

// What the old row of an UPDATE or DELETE holds.
enum class old_row_kind : std::uint8_t {
  none = 0,
  key = 1,   // only the replica identity's columns are real; the others are NULL placeholders
  full = 2,  // REPLICA IDENTITY FULL: every column
};

// A relation's version in one log: rises by one with every new definition of any table; 0 is none.
using relation_version = std::uint32_t;
// A table's number in one log: the same for every version of the table, under every name; 0 is
// none.
using table_id = std::uint32_t;
// An event's dense number in one log, from 1 in the order of appending. Never leaves the process:
// positions do.
using event_sequence = std::uint64_t;

// A view: `before` and `after` point into bytes that its maker keeps alive.
struct event_view {
  event_sequence sequence = 0;  // given by the log
  event_id id;
  position at;
  unix_time_us committed_at{};
  relation_version relation = 0;
  table_id table = 0;
  change_action action = change_action::create;
  old_row_kind before_kind = old_row_kind::none;
  tuple_view before;
  tuple_view after;
};

}  // namespace pulse
