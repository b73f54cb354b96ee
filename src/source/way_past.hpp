// Finds the end of a transaction that PostgreSQL cannot send.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// On a replication connection, while nobody uses the slot. Decoding that starts at the returned LSN
// skips the transaction, and no other one that commits after `from`. Capture must have everything
// up to `from`.

// Finds the end of the transaction whose change at `change` cannot be sent. Asks PostgreSQL to
// decode without consuming (pg_logical_slot_peek_binary_changes) up to positions that approach the
// commit record. Moves the slot to `from`. `publications`: see publication_list(). errc::conflict:
// PostgreSQL can send it now.
async_result<lsn> find_refused_end(connection* replication, std::string slot,
                                   std::string publications, lsn from, lsn change);

// Finds the end of the first transaction after `from` that changes a table, with the plugin
// test_decoding and a temporary copy of the slot. errc::conflict: there is none; other errors: no
// such plugin, or no free slot.
async_result<lsn> find_next_end(connection* replication, std::string slot, lsn from);

// Returns the OIDs of the tables that the skipped transaction (which ends at `end`) changes at or
// after `change`, with the partitioned tables above them. Works as find_next_end() does. Empty:
// unknown, because a table was altered since, the WAL is long, or there is no such plugin.
async_result<std::vector<std::uint32_t>> find_tables_left_out(connection* replication,
                                                              std::string slot, lsn from, lsn end,
                                                              lsn change);

}  // namespace pulse::source
