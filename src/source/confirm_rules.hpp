// What may be confirmed to the server, and when: decided without I/O.
#pragma once

#include <algorithm>
#include <chrono>

#include "change/lsn.hpp"

namespace pulse::source {

// The server may recycle WAL up to what is confirmed, so only what is durable here, or was not
// ours, is. One owner.
class confirm_rules {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // The server drops a connection that is silent for wal_sender_timeout (60 s by default).
  static constexpr std::chrono::seconds feedback_interval{10};
  // An idle database's mark is written this often at most; each costs one small block and one sync.
  static constexpr std::chrono::seconds idle_mark_interval{2};

  explicit confirm_rules(lsn start) : received_(start), confirmed_(start) {}

  // The server has sent everything up to here (keepalive, outside a transaction), or a transaction
  // ended here.
  void received_through(lsn end) { received_ = std::max(received_, end); }
  void reply_requested() { reply_requested_ = true; }

  // The mark that should be made durable because nothing else moves it; nothing when it is too
  // early or not needed.
  lsn idle_mark(lsn covered, time_point now) {
    if (received_ <= covered || now - last_idle_mark_ < idle_mark_interval) return {};
    last_idle_mark_ = now;
    return received_;
  }

  struct feedback {
    lsn written;  // received
    lsn flushed;  // durable
  };
  // True when feedback should be sent now; `covered` is what the log says is durable.
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
