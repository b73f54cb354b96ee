// A transaction on its way from the decoder to the log: begin, changes, commit, as they come.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/event.hpp"
#include "change/lsn.hpp"
#include "change/relation.hpp"
#include "change/tuple.hpp"

namespace pulse {

struct transaction_begin {
  lsn commit;  // where the commit record is ("final LSN"): known before the changes, since they
               // come after the commit
  unix_time_us committed_at{};
  std::uint32_t xid = 0;
};

// One row's change, or one table's TRUNCATE, inside the transaction that was begun last. The tuples
// point into the decoder's input and end with the call that hands them over.
struct row_change {
  lsn at;                     // the change's own WAL record
  std::uint32_t ordinal = 0;  // see position
  std::uint32_t relation_oid = 0;
  change_action action = change_action::create;
  old_row_kind before_kind = old_row_kind::none;
  tuple_view before;
  tuple_view after;
};

struct transaction_commit {
  lsn commit;
  lsn end;  // just after the commit record: what is confirmed to the server
};

// A logical message in the WAL of a transaction: pg_logical_emit_message(true, …). The views end
// with the call that hands it over.
struct logical_message {
  lsn at;
  std::string_view prefix;
  std::string_view content;
};

// A table's definition as the stream sends it before its first change and after every alteration:
// type OIDs, not yet resolved.
struct relation_definition {
  struct column {
    std::string name;
    bool in_identity = false;
    std::uint32_t type_oid = 0;
    std::int32_t type_modifier = -1;
  };
  std::uint32_t oid = 0;
  table_name table;
  replica_identity identity = replica_identity::primary_key;
  std::vector<column> columns;
};

// Receives a decoder's output of the stream, in its order. An error ends decoding and is passed on.
class fragment_sink {
 public:
  fragment_sink() = default;
  fragment_sink(const fragment_sink&) = delete;
  fragment_sink& operator=(const fragment_sink&) = delete;
  virtual ~fragment_sink() = default;

  virtual result<void> on_begin(const transaction_begin& begin) = 0;
  virtual result<void> on_relation(const relation_definition& definition) = 0;
  virtual result<void> on_change(const row_change& change) = 0;
  virtual result<void> on_message(const logical_message& /*message*/) { return {}; }
  virtual result<void> on_commit(const transaction_commit& commit) = 0;
};

// One message of a transaction in progress (PostgreSQL's manual, section 49.9). It counts only if
// the transaction, and the subtransaction of the message, commit.
struct streamed_message {
  std::uint32_t xid = 0;     // the transaction
  std::uint32_t subxid = 0;  // the subtransaction, or the transaction itself
  lsn at;                    // as the unstreamed message would have it
  char type = 0;
  byte_view body;  // after type and transaction id; ends with the call that hands it over
};

// Receives a decoder's output of streamed transactions, in the stream's order. An error ends
// decoding and is passed on.
class streamed_sink {
 public:
  streamed_sink() = default;
  streamed_sink(const streamed_sink&) = delete;
  streamed_sink& operator=(const streamed_sink&) = delete;
  virtual ~streamed_sink() = default;

  // A block of messages of this transaction starts; `first`: its first one.
  virtual result<void> on_block_start(std::uint32_t xid, bool first) = 0;
  virtual result<void> on_streamed(const streamed_message& message) = 0;
  virtual result<void> on_block_end() = 0;
  // The transaction has committed: its streamed messages come now, between this begin and this
  // commit.
  virtual result<void> on_stream_commit(const transaction_begin& begin,
                                        const transaction_commit& commit) = 0;
  // If `subxid` equals `xid`, the transaction was rolled back, else the subtransaction.
  virtual result<void> on_stream_abort(std::uint32_t xid, std::uint32_t subxid) = 0;
};

}  // namespace pulse
