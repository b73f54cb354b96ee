// Changes that PostgreSQL itself cannot send: recognised by how connections end. Without I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "change/lsn.hpp"

namespace pulse::source {

// PostgreSQL's last report on a connection. Empty: it reported nothing.
struct last_words {
  std::string sqlstate;
  std::string context;  // PG_DIAG_CONTEXT
};

// The change at which PostgreSQL's output plugin failed.
struct send_failure {
  lsn change;             // its WAL record
  bool streamed = false;  // its transaction was being sent while in progress

  bool operator==(const send_failure&) const = default;
};

// Reads it from the error's context, `slot "S", output plugin "P", in the C callback, associated
// LSN X/Y`, in any language. Nothing: the error names no change of this slot; or PostgreSQL lacked
// memory or was stopped, which another try may not meet.
std::optional<send_failure> find_send_failure(const last_words& said, std::string_view slot);

// A change that PostgreSQL cannot send.
struct obstacle {
  enum class kind {
    refused,  // the walsender fails with an error
    crashed,  // the walsender crashes, and every other session of the cluster ends with it
  };
  kind how = kind::refused;
  // refused: the change. crashed: PostgreSQL had sent everything before this LSN, and crashed at a
  // transaction that commits after it.
  lsn at;
  // The commit record of the change's transaction. Nothing: PostgreSQL had sent nothing of the
  // transaction.
  std::optional<lsn> commit;
  std::string problem;  // PostgreSQL's message
};

// Decides when to stop trying:
// - An error that names a change counts if its transaction had committed. A transaction that was
//   sent while in progress may yet be rolled back: the next connections do without streaming.
// - A crash counts if the walsender ended without a message while another session of Pulse was told
//   that a server process had crashed (SQLSTATE 57P02), and PostgreSQL had sent nothing after the
//   position of the previous crash.
// - Two that count at one position, one after the other, are enough.
// Ordinary ends of PostgreSQL never count: a stopped server process sends an error, a whole cluster
// that is killed or stopped tells no session of a crash, and a network sends nothing.
// One owner; not thread-safe.
class obstacle_watch {
 public:
  static constexpr int tries_max = 2;

  // A connection has ended with this failure. `commit`: see obstacle.
  void refused(const send_failure& where, std::optional<lsn> commit, std::string problem);
  // A connection has ended with a crash, after PostgreSQL had sent everything before `received`.
  void crashed(lsn received, std::optional<lsn> commit, std::string problem);
  // Capture has passed the change.
  void passed() { *this = {}; }

  // Returns where capture is stopped; null: it is not.
  const obstacle* standing() const { return tries_ >= tries_max ? &known_ : nullptr; }
  // False after a failure in a transaction in progress, and after a crash, until passed().
  bool allows_streaming() const { return allows_streaming_; }

 private:
  void count(obstacle found, bool again);

  obstacle known_;
  int tries_ = 0;
  bool allows_streaming_ = true;
};

// Returns the start of the WAL record that follows one that ends at `end`: the first bytes of a
// page are its header (XLogPageHeaderData, on a segment's first page XLogLongPageHeaderData). Sizes
// in bytes.
lsn record_after(lsn end, std::uint64_t page_bytes, std::uint64_t segment_bytes);

// Finds the end of WAL with which decoding starts to fail, by questions "does it fail up to here?".
// Asks at growing distances first, because the commit record of a transaction is usually near its
// changes.
class failure_search {
 public:
  // Decoding does not fail up to `passes`; there is no WAL after `end`.
  failure_search(lsn passes, lsn end) : passes_(passes), end_(end) {}

  // Returns the next question. Nothing: found() is known, or decoding does not fail up to `end`.
  std::optional<lsn> next() const;
  void answer(lsn asked, bool failed);
  // Returns the lowest LSN with which decoding fails.
  std::optional<lsn> found() const;

 private:
  lsn passes_;
  lsn end_;
  std::optional<lsn> fails_;
  std::uint64_t step_ = 64;
};

}  // namespace pulse::source
