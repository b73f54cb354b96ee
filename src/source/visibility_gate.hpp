// Up to where events may be delivered, since their transactions are visible: the part of it that
// has no I/O.
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

// PostgreSQL sends a commit before other sessions see it, by microseconds or, when the commit waits
// for a synchronous standby, for as long as that takes. Transactions come in with their ids, in the
// order of the log, and snapshots as they are asked for: everything is passed up to the first
// transaction that is not seen. One owner; not thread-safe.
class visibility_gate {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // Without an answer for this long events are delivered all the same, or held (`strict`).
  static constexpr std::chrono::seconds answer_timeout{1};
  // Transactions whose ids are not known wait for all that had begun, this long at most unless
  // `strict`: one that has nothing to do with them may take hours.
  static constexpr std::chrono::seconds unknown_timeout{5};
  static constexpr std::size_t waiting_max = 65'536;
  // What an answer has shown holds for good, but ids come again: it is used for this long.
  static constexpr std::chrono::seconds answer_age_max{60};

  enum class without_answer { go_on, hold };
  explicit visibility_gate(without_answer what) : without_answer_(what) {}

  // An earlier run has stored events up to here: the ids of their transactions are not known.
  void begin(const position& stored, time_point now);
  // The events of a committed transaction end before or at `through`. Positions must not fall; one
  // that was given before changes nothing.
  void add(std::uint32_t xid, const position& through, time_point now);
  // Capture follows this database from now on, which is the one before or another. Where ids end is
  // asked again. In another one, and in one that was promoted, transactions that wait are known by
  // no id.
  void follow(const log_origin& whose, time_point now);

  bool waits() const { return !waiting_.empty(); }
  // There is a question: something waits, or it is to be found out whether answers come again.
  bool asks() const { return waits() || blind_; }
  // The next snapshot must say where ids end: read_snapshot_and_end().
  bool asks_for_end() const;
  std::size_t waiting() const { return waiting_.size(); }
  // What was asked after the last begin() or follow(). True: passed() has risen.
  bool see(const snapshot& seen, time_point now);
  // No answer may have come for too long. True: passed() has risen. `deadline` says when that is.
  bool look_at_time(time_point now);
  std::optional<time_point> deadline() const;
  // No answer has come for too long, and none since.
  bool is_blind() const { return blind_; }

  const position& passed() const { return passed_; }
  // How long the first one has waited, with answers or without.
  std::chrono::steady_clock::duration waited(time_point now) const;
  // Of the transactions passed since the last call those that no snapshot has shown.
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

  // What ids of transactions are of.
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

// How long to wait between two questions while something is not visible: asked at once, the server
// would be kept from committing it.
class question_pace {
 public:
  using duration = std::chrono::steady_clock::duration;

  // After an answer that has passed something, or not. `waited`: see visibility_gate::waited().
  duration next(bool passed, duration waited);

 private:
  duration step_{};
};

}  // namespace pulse::source
