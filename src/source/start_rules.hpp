// Where capture may begin: decided from what is stored and what the server has, without I/O.
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

// What is known of the slot from earlier runs.
enum class slot_history {
  none,    // this data directory has never had one
  making,  // its first one was being made, perhaps to the end
  made,    // events have been captured from it
};

std::string_view to_string(slot_history known) noexcept;
// Of a stored word; `none` for any other.
slot_history parse_slot_history(std::string_view word) noexcept;

// What the log holds.
struct stored_history {
  log_origin whose = {};
  std::uint32_t timeline = 0;  // of covered_through
  lsn covered_through = {};    // zero: nothing is stored
  position newest = {};        // of the newest stored event; may be of a transaction cut short
  slot_history slot = slot_history::made;
};

// What a primary says of itself (IDENTIFY_SYSTEM, TIMELINE_HISTORY).
struct server_identity {
  std::string system_identifier;
  std::uint32_t database_oid = 0;
  std::string database;  // its name
  lsn wal_end;
  timelines history;  // as the server numbers it
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
struct create_slot {
  bool drop_first = false;  // one is there that is of no use any more
};
struct wait_for_slot {
  std::int32_t active_pid = 0;
};

// What to do next; in which order, says start_order.hpp.
struct start_plan {
  std::variant<start_at, create_slot, wait_for_slot> next;
  // Its end is known when it is known where streaming starts.
  std::optional<history_gap> gap;
  // The server's history as positions of it are numbered from now on.
  log_origin whose;
  // It does not go on where the log's mark stands: what is stored of this history begins where
  // streaming starts, and the mark must be moved there.
  bool jumps = false;
};

// errc::divergence: capture must not begin, because the server is one that what is stored has left
// behind (the old primary). errc::conflict: the slot is not made for pgoutput, or another
// database's. PostgreSQL hides mistakes: it moves a start below confirmed_flush forward without a
// word, and skips up to one above its end.
result<start_plan> decide_start(const stored_history& stored, const server_identity& server,
                                const std::optional<slot_facts>& slot);

// Streaming starts here: the end of the gap, and the beginning of what is stored of this history.
void begin_at(start_plan& plan, lsn from);

// Of two names as catalog::database has them. As long as the stored one is not known, it is the
// same.
bool is_same_database(std::string_view stored, std::string_view found);
bool has_same_database(const log_origin& known, const server_identity& server);
// As catalog::database has it.
std::string identity_of(const server_identity& server);
// errc::divergence: it is another one.
result<void> check_same_database(const log_origin& known, const server_identity& server);

// The server's history, numbered so that its positions are behind all that is stored, where it is
// not what is stored that goes on in it. Of what was left out by it nothing is said: that is for
// who keeps nothing.
log_origin origin_of(const stored_history& stored, const server_identity& server);

// errc::conflict: the slot is another database's, or not made for pgoutput.
result<void> check_own_slot(const std::optional<slot_facts>& slot, const server_identity& server);

}  // namespace pulse::source
