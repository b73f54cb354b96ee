// A replication connection: who the server is, and the stream of its changes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"
#include "source/start_rules.hpp"

namespace pulse::source {

// IDENTIFY_SYSTEM, and the history of the server's timeline (manual, section 55.4).
// errc::unavailable: it is a standby, whose history may end before what is stored.
async_result<server_identity> identify_server(connection* replication);

// The slot as pg_replication_slots has it; nothing when there is none. On a connection of either
// kind.
async_result<std::optional<slot_facts>> read_slot(connection* database, std::string slot);

// Where the server's durable history ends now, on the timeline that it writes: every commit that
// has returned is before. On an SQL connection (manual, section 9.27.3, `pg_walfile_name`: the file
// of a standby that has been promoted is of its new timeline from the first moment on). Timelines
// as the server numbers them.
async_result<position> read_flush_place(connection* database);

// Transactions that are still open are sent as they grow, from PostgreSQL 14 on (manual, section
// 55.5.1, `streaming`).
inline constexpr int streaming_server_version_min = 140000;

// Transactions of which nothing is sent leave no trace in the stream from PostgreSQL 15 on; before,
// their beginning and end are sent.
inline constexpr int empty_transactions_left_out_version_min = 150000;

// Logical messages are sent, where they are asked for, from PostgreSQL 14 on.
inline constexpr int messages_server_version_min = 140000;

// What is asked of pgoutput.
struct stream_options {
  std::string slot;
  std::vector<std::string> publications;  // named in this order
  lsn from;
  bool streaming = false;
  bool messages = false;  // logical messages too, where the server can send them
};
// Names as the output plugin takes them: quoted, separated by commas.
std::string publication_list(const std::vector<std::string>& names);
async_result<> start_streaming(connection* replication, stream_options options);

// A transaction of one logical message with the prefix "pulse". It comes through the stream in its
// place: up to 14 as an empty transaction, later when messages were asked for. Does not wait for
// synchronous standbys. On an SQL connection to a primary. Facts: PostgreSQL manual, "Replication
// Management Functions" and "Logical Streaming Replication Parameters".
// The transactions that run, as 64-bit numbers (manual, table 9.81), and how far WAL was written
// after that was asked: what had committed by then is before it.
struct running_transactions {
  std::uint64_t xmin = 0;
  std::uint64_t xmax = 0;
  lsn written;
};
async_result<running_transactions> read_running(connection* database);
// The same `written` alone.
async_result<lsn> read_written_place(connection* database);

// How a stream ends on PostgreSQL 12 to 17 at a change from before its publication was made.
bool is_missing_publication(const error& ended);

// Lets the slot begin at this place: what committed before is not sent any more.
async_result<> advance_slot(connection* database, std::string slot, lsn to);

async_result<> write_heartbeat(connection* database);

}  // namespace pulse::source
