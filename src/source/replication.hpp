// A replication connection: the server's identity, and the stream of its changes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"
#include "source/start_rules.hpp"

namespace pulse::source {

// Runs IDENTIFY_SYSTEM, and reads the history of the server's timeline (manual, section 55.4).
// errc::unavailable: a standby, whose history may end before the end of the event log.
async_result<server_identity> identify_server(connection* replication);

// Returns the slot as in pg_replication_slots; nothing if there is none. On a connection of either
// kind.
async_result<std::optional<slot_facts>> read_slot(connection* database, std::string slot);

// Returns the end of PostgreSQL's durable history, on the timeline that it writes. Every commit
// that has returned is before it, except with synchronous_commit = off. On an SQL connection
// (manual, section 9.27.3, `pg_walfile_name`: the file of a promoted standby is of its new timeline
// from the first moment on). Timelines have PostgreSQL's numbers.
async_result<position> read_flush_place(connection* database);
// Returns an LSN with the timeline in the name of its WAL file (`pg_walfile_name`).
result<position> place_of(const std::string& at, const std::string& file);

// From PostgreSQL 14 on, transactions in progress can be sent as they grow (manual, section 55.5.1,
// `streaming`).
inline constexpr int streaming_server_version_min = 140000;

// From PostgreSQL 15 on, transactions without sent changes are not in the stream; before, their
// beginning and end are.
inline constexpr int empty_transactions_left_out_version_min = 150000;

// From PostgreSQL 14 on, logical messages are sent on request.
inline constexpr int messages_server_version_min = 140000;

// Options of pgoutput.
struct stream_options {
  std::string slot;
  std::vector<std::string> publications;  // named in this order
  lsn from;
  bool streaming = false;
  bool messages = false;  // logical messages too, where the server can send them
};
// Returns the names as the output plugin takes them: quoted, separated by commas.
std::string publication_list(const std::vector<std::string>& names);
async_result<> start_streaming(connection* replication, stream_options options);

// Writes a transaction of one logical message with the prefix "pulse". It is in the stream at its
// position: up to 14 as an empty transaction, later if messages are requested. Does not wait for
// synchronous standbys. On an SQL connection to a primary. Facts: PostgreSQL manual, "Replication
// Management Functions" and "Logical Streaming Replication Parameters". The running transactions,
// as 64-bit numbers (manual, table 9.81), and how far WAL was written after that question: what had
// committed by then is before it.
struct running_transactions {
  std::uint64_t xmin = 0;
  std::uint64_t xmax = 0;
  lsn written;
};
async_result<running_transactions> read_running(connection* database);
// Returns `written` alone.
async_result<lsn> read_written_place(connection* database);

// Returns whether a stream ended on PostgreSQL 12 to 17 at a change from before its publication was
// created.
bool is_missing_publication(const error& ended);

// Advances the slot to this position: PostgreSQL does not send earlier commits any more.
async_result<> advance_slot(connection* database, std::string slot, lsn to);

async_result<> write_heartbeat(connection* database);

}  // namespace pulse::source
