// A transaction on its way from the decoder to the log: begin, changes, commit, as they come.
#pragma once

#include <cstdint>

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

// One row's change inside the transaction that was begun last. The tuples point into the decoder's
// input and end with the call that hands them over.
struct row_change {
  lsn at;                     // the change's own WAL record
  std::uint32_t ordinal = 0;  // the row's number in that record
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

// The definition that the stream gives of a table before its first change and after every
// alteration: type OIDs, not yet resolved.
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

// Takes what a decoder makes of the stream, in its order. An error ends decoding and is handed
// through.
class fragment_sink {
 public:
  fragment_sink() = default;
  fragment_sink(const fragment_sink&) = delete;
  fragment_sink& operator=(const fragment_sink&) = delete;
  virtual ~fragment_sink() = default;

  virtual result<void> on_begin(const transaction_begin& begin) = 0;
  virtual result<void> on_relation(const relation_definition& definition) = 0;
  virtual result<void> on_change(const row_change& change) = 0;
  // TRUNCATE is no row change and becomes no event; it is counted and logged.
  virtual result<void> on_truncate(std::uint32_t relation_oid) = 0;
  virtual result<void> on_commit(const transaction_commit& commit) = 0;
};

}  // namespace pulse
