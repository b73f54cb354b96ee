// What a replication slot makes the server keep, and how near the server is to dropping it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "source/connection.hpp"

namespace pulse::source {

// As pg_replication_slots has it (manual, section 54.19).
struct slot_retention {
  std::uint64_t kept_bytes = 0;  // WAL since restart_lsn
  std::string wal_status;        // from PostgreSQL 13 on: reserved, extended, unreserved, lost
  // WAL that can still be written before the slot may be lost; nothing without
  // max_slot_wal_keep_size.
  std::optional<std::uint64_t> safe_bytes;
};

// Nothing when there is no such slot. On an SQL connection to a primary.
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
