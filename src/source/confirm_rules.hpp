// Decides, without I/O, which LSN Pulse may confirm to PostgreSQL, and when.
#pragma once

#include <algorithm>
#include <chrono>

#include "change/lsn.hpp"

namespace pulse::source {

// PostgreSQL may recycle WAL up to the confirmed LSN. So Pulse confirms only positions before which
// every transaction is durable here, or produced no event. One owner.
class confirm_rules {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // PostgreSQL closes a connection that is silent for wal_sender_timeout (60 s by default).
  static constexpr std::chrono::seconds feedback_interval{10};
  // The durable LSN of an idle database is stored this often at most: each time costs one small
  // block and one sync.
  static constexpr std::chrono::seconds idle_mark_interval{2};

  explicit confirm_rules(lsn start) : received_(start), confirmed_(start) {}

  // PostgreSQL has sent everything up to here (keepalive, outside a transaction), or a transaction
  // ended here.
  void received_through(lsn end) { received_ = std::max(received_, end); }
  void reply_requested() { reply_requested_ = true; }

  // Returns the durable LSN to store because nothing else moves it; nothing if it is too early or
  // not needed.
  lsn idle_mark(lsn covered, time_point now) {
    if (received_ <= covered || now - last_idle_mark_ < idle_mark_interval) return {};
    last_idle_mark_ = now;
    return received_;
  }

  struct feedback {
    lsn written;  // received
    lsn flushed;  // durable
  };
  // Returns whether feedback should be sent now. `covered`: the durable LSN of the event log.
  bool due(lsn covered, time_point now) const {
    return reply_requested_ || covered > confirmed_ || now - last_sent_ >= feedback_interval;
  }
  feedback take(lsn covered, time_point now) {
    reply_requested_ = false;
    last_sent_ = now;
    confirmed_ = std::max(confirmed_, covered);
    return {std::max(received_, confirmed_), confirmed_};
  }

  lsn received() const { return received_; }
  lsn confirmed() const { return confirmed_; }

 private:
  lsn received_;
  lsn confirmed_;
  bool reply_requested_ = false;
  time_point last_sent_{};
  time_point last_idle_mark_{};
};

}  // namespace pulse::source
