// Where capture may begin: decided from what is stored and what the server has, without I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "change/lsn.hpp"
#include "change/position.hpp"

namespace pulse::source {

// What the log holds.
struct stored_history {
  std::string system_identifier;  // of the server whose history it is; empty: not known any more
  std::uint32_t timeline = 0;
  lsn covered_through;
};

// One line of a timeline history file: `timeline` was left at `switch_point` (manual,
// section 26.3.5).
struct timeline_switch {
  std::uint32_t timeline = 0;
  lsn switch_point;
};

// What the server says of itself (IDENTIFY_SYSTEM, TIMELINE_HISTORY).
struct server_identity {
  std::string system_identifier;
  std::uint32_t timeline = 0;
  lsn wal_end;
  std::string database;
  std::vector<timeline_switch> history;  // of its timeline, oldest first
};

// What the server says of the slot (pg_replication_slots).
struct slot_facts {
  std::string plugin;
  std::string database;
  bool active = false;
  std::int32_t active_pid = 0;
  lsn confirmed_flush;
  bool lost = false;  // wal_status 'lost': its WAL is gone
};

struct start_at {
  lsn from;
};
struct create_slot {};
struct wait_for_slot {
  std::int32_t active_pid = 0;
};

// What to do next, or why capture must not begin: errc::gap (changes between what is stored and
// where the slot begins are gone), errc::divergence (another server, or a history that forked below
// what is stored), errc::conflict (the slot is somebody else's). PostgreSQL hides both mistakes: it
// moves a start below confirmed_flush forward without a word, and skips up to one above its end.
using start_decision = result<std::variant<start_at, create_slot, wait_for_slot>>;
start_decision decide_start(const stored_history& stored, const server_identity& server,
                            const std::optional<slot_facts>& slot);

}  // namespace pulse::source
