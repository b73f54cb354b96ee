// Finds the end of a transaction that PostgreSQL cannot send.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// All on a replication connection, while nobody uses the slot. Decoding that starts at the LSN
// that is returned leaves out the transaction, and no other one that commits after `from`, up to
// which everything has been captured.

// Of the transaction whose change at `change` cannot be sent. Asks PostgreSQL to decode without
// consuming (pg_logical_slot_peek_binary_changes) up to places that close in on the commit record.
// Moves the slot to `from`. `publications`: see publication_list(). errc::conflict: PostgreSQL can
// send it now.
async_result<lsn> find_refused_end(connection* replication, std::string slot,
                                   std::string publications, lsn from, lsn change);

// Of the first transaction after `from` that changes a table, read with the plugin test_decoding
// from a temporary copy of the slot. errc::conflict: there is none; others: there is no such plugin
// or no free slot.
async_result<lsn> find_next_end(connection* replication, std::string slot, lsn from);

// The OIDs of the tables that the transaction which is left out by starting at `end` changes at or
// after `change`, with the partitioned tables that they are part of; as find_next_end() does.
// Empty: not known, because a table was altered since, the WAL in question is long, or there is no
// such plugin.
async_result<std::vector<std::uint32_t>> find_tables_left_out(connection* replication,
                                                              std::string slot, lsn from, lsn end,
                                                              lsn change);

}  // namespace pulse::source
