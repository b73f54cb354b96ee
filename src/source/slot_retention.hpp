// How much WAL PostgreSQL keeps for a replication slot, and how near it is to dropping that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "source/connection.hpp"

namespace pulse::source {

// As in pg_replication_slots (manual, section 54.19).
struct slot_retention {
  std::uint64_t kept_bytes = 0;  // WAL since restart_lsn
  std::string wal_status;        // from PostgreSQL 13 on: reserved, extended, unreserved, lost
  // Bytes of WAL that may be written before the slot may be lost; nothing without
  // max_slot_wal_keep_size.
  std::optional<std::uint64_t> safe_bytes;
};

// Returns nothing if there is no such slot. On an SQL connection to a primary.
async_result<std::optional<slot_retention>> read_slot_retention(connection* database,
                                                                std::string slot);

enum class retention_level {
  fine,
  near,   // more than half of max_slot_wal_keep_size is used up
  ending  // the next checkpoint may drop what the slot needs
};

// Decided without I/O.
retention_level level_of(const slot_retention& now);

}  // namespace pulse::source
