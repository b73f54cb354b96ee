// Decides where capture may start, from the event log and the server's facts, without I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.hpp"
#include "change/history_gap.hpp"
#include "change/log_origin.hpp"
#include "change/lsn.hpp"
#include "change/position.hpp"
#include "change/timelines.hpp"

namespace pulse::source {

// What earlier runs did with the slot.
enum class slot_history {
  none,    // this data directory has never had one
  making,  // its first one was being made, perhaps to the end
  made,    // events have been captured from it
};

std::string_view to_string(slot_history known) noexcept;
// Parses a stored word; `none` for any other.
slot_history parse_slot_history(std::string_view word) noexcept;

// The content of the event log.
struct stored_history {
  log_origin whose = {};
  std::uint32_t timeline = 0;  // of covered_through
  lsn covered_through = {};    // zero: nothing is stored
  position newest = {};        // of the newest stored event; may be of a transaction cut short
  slot_history slot = slot_history::made;
};

// A primary's identity (IDENTIFY_SYSTEM, TIMELINE_HISTORY).
struct server_identity {
  std::string system_identifier;
  std::uint32_t database_oid = 0;
  std::string database;  // its name
  lsn wal_end;
  timelines history;  // as the server numbers it
};

// The slot's row (pg_replication_slots).
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
struct create_slot {
  bool drop_first = false;  // one is there that is of no use any more
};
struct wait_for_slot {
  std::int32_t active_pid = 0;
};

// What to do next; start_order.hpp has the order.
struct start_plan {
  std::variant<start_at, create_slot, wait_for_slot> next;
  // Its end is known when the start of streaming is known.
  std::optional<history_gap> gap;
  // The server's history, with the timeline numbers of its positions from now on.
  log_origin whose;
  // Streaming does not continue at the durable LSN of the event log. The durable LSN must move to
  // the start of streaming, which is the start position of this history.
  bool jumps = false;
};

// Decides the start. errc::divergence: capture must not start, because the stored history has left
// this server (the old primary). errc::conflict: the slot is not made for pgoutput, or belongs to
// another database. PostgreSQL hides mistakes: it moves a start below confirmed_flush forward
// without an error, and skips up to one above its end.
result<start_plan> decide_start(const stored_history& stored, const server_identity& server,
                                const std::optional<slot_facts>& slot);

// Streaming starts here: the end of the gap, and the start position of this history.
void begin_at(start_plan& plan, lsn from);

// Compares two identities (catalog::database). An unknown stored one counts as the same.
bool is_same_database(std::string_view stored, std::string_view found);
bool has_same_database(const log_origin& known, const server_identity& server);
// Returns the identity as in catalog::database.
std::string identity_of(const server_identity& server);
// errc::divergence: another database.
result<void> check_same_database(const log_origin& known, const server_identity& server);

// Returns the server's history. If it does not continue the stored one, it is numbered so that its
// positions are after all stored ones. Reports no gap: decide_start() does, and without event
// persistence there is none to record.
log_origin origin_of(const stored_history& stored, const server_identity& server);

// errc::conflict: the slot belongs to another database, or is not made for pgoutput.
result<void> check_own_slot(const std::optional<slot_facts>& slot, const server_identity& server);

}  // namespace pulse::source
