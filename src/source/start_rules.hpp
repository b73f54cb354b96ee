// Where capture may begin: decided from what is stored and what the server has, without I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.hpp"
#include "change/history_gap.hpp"
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
  std::string system_identifier;  // of the server whose history it is; empty: not known any more
  std::uint32_t timeline = 0;     // of covered_through
  lsn covered_through;            // zero: nothing is stored
  position newest = {};           // of the newest stored event; may be of a transaction cut short
  slot_history slot = slot_history::made;
  // By which it came: of the last server that anything was captured from. `current` zero: not
  // known.
  timelines history = {};
};

// What the server says of itself (IDENTIFY_SYSTEM, TIMELINE_HISTORY).
struct server_identity {
  std::string system_identifier;
  lsn wal_end;
  std::string database;
  timelines history;
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

// What to do next. A gap is to be recorded before anything else is done; its end is known when
// streaming starts from a slot that is there.
struct start_plan {
  std::variant<start_at, create_slot, wait_for_slot> next;
  std::optional<history_gap> gap;
  // It does not go on where the log's mark stands: the mark must be moved there, durably, before
  // anything is confirmed to this server, whose LSNs may be lower than those stored.
  bool jumps = false;
};

// Or why capture must not begin, whatever is lost by it: errc::divergence (another server, the old
// primary, a server that was set back in place, so that it writes LSNs again that are stored
// already), errc::conflict (the slot is somebody else's). PostgreSQL hides both mistakes: it moves
// a start below confirmed_flush forward without a word, and skips up to one above its end.
result<start_plan> decide_start(const stored_history& stored, const server_identity& server,
                                const std::optional<slot_facts>& slot);

// errc::conflict: the slot is another database's, or not made for pgoutput.
result<void> check_own_slot(const std::optional<slot_facts>& slot, const server_identity& server);

// errc::divergence: the server has another system identifier than the one that is stored (empty:
// none yet).
result<void> check_same_server(const std::string& system_identifier, const server_identity& server);

// Where a place of the server's WAL stands: behind every change that was committed before it.
position place_of(const server_identity& server, lsn place);

}  // namespace pulse::source
