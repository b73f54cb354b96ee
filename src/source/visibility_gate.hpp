// Decides, without I/O, up to which position events may be delivered, because their transactions
// are visible.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "change/log_origin.hpp"
#include "change/position.hpp"
#include "source/snapshot.hpp"

namespace pulse::source {

// PostgreSQL sends a commit before other sessions see it: by microseconds or, if the commit waits
// for a synchronous standby, by as long as that takes. Add transactions with their ids in the order
// of the event log, and snapshots as they are read. The gate passes everything up to the first
// invisible transaction. One owner; not thread-safe.
class visibility_gate {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // Without an answer for this long, events are delivered, or wait (`strict`).
  static constexpr std::chrono::seconds answer_timeout{1};
  // Transactions with unknown ids wait for all that had begun, this long at most unless `strict`:
  // an unrelated transaction may take hours.
  static constexpr std::chrono::seconds unknown_timeout{5};
  static constexpr std::size_t waiting_max = 65'536;
  // An answer holds for good, but ids come again: it is used for this long.
  static constexpr std::chrono::seconds answer_age_max{60};

  enum class without_answer { go_on, hold };
  explicit visibility_gate(without_answer what) : without_answer_(what) {}

  // An earlier run has stored events up to here; the ids of their transactions are unknown.
  void begin(const position& stored, time_point now);
  // The events of a committed transaction end at or before `through`. Positions must not fall; an
  // equal one changes nothing.
  void add(std::uint32_t xid, const position& through, time_point now);
  // Capture follows this database from now on, the same or another one. Asks for the end of ids
  // again. In another or a promoted database, the ids of waiting transactions mean nothing.
  void follow(const log_origin& whose, time_point now);

  bool waits() const { return !waiting_.empty(); }
  // Returns whether there is a question: something waits, or answers have to be tried again.
  bool asks() const { return waits() || blind_; }
  // The next snapshot must have the end of ids: read_snapshot_and_end().
  bool asks_for_end() const;
  std::size_t waiting() const { return waiting_.size(); }
  // Takes a snapshot that was read after the last begin() or follow(). True: passed() has risen.
  bool see(const snapshot& seen, time_point now);
  // Checks whether no answer has come for too long. True: passed() has risen. `deadline`: when that
  // will be.
  bool look_at_time(time_point now);
  std::optional<time_point> deadline() const;
  // No answer has come for too long, and none since.
  bool is_blind() const { return blind_; }

  const position& passed() const { return passed_; }
  // Returns how long the first one has waited, with answers or without.
  std::chrono::steady_clock::duration waited(time_point now) const;
  // Returns how many transactions passed since the last call without a snapshot that showed them.
  std::uint64_t take_unverified() { return std::exchange(unverified_, 0); }

 private:
  struct transaction {
    enum class known_by {
      id,          // visible when it is seen
      highest_id,  // several: visible when all through this id have ended
      nothing,     // several: visible when all that had begun at first have ended
    };
    position through;
    known_by by = known_by::id;
    std::uint32_t xid = 0;
    std::uint64_t ends_before = 0;  // by nothing: where ids ended at first; 0: not known yet
    time_point first_seen{};        // by nothing: when that first came
  };

  // The range to which ids of transactions belong.
  struct id_space {
    std::string database;
    std::uint32_t timeline_base = 0;
    std::uint32_t timeline = 0;
    bool operator==(const id_space&) const = default;
  };

  bool is_passed(transaction& one, const snapshot& seen, time_point now);
  void wait_for(transaction one, time_point now);

  without_answer without_answer_;
  std::optional<snapshot> last_answer_;  // of the database that is followed
  time_point answered_at_{};
  std::optional<id_space> followed_;
  std::vector<transaction> waiting_;
  position newest_;  // given
  position passed_;
  time_point unanswered_since_{};  // while something waits
  time_point first_since_{};       // while something waits: since passed_ has risen
  bool blind_ = false;
  std::uint64_t unverified_ = 0;
};

// How long to wait between two questions while something is invisible: asking at once would take
// the processor from the committing backend.
class question_pace {
 public:
  using duration = std::chrono::steady_clock::duration;

  // Returns the wait after an answer. `passed`: it has passed something. `waited`: see
  // visibility_gate::waited().
  duration next(bool passed, duration waited);

 private:
  duration step_{};
};

}  // namespace pulse::source
