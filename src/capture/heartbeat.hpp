// Advances a slot if PostgreSQL has much WAL to read and nothing to send.
#pragma once

#include <chrono>
#include <string>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "change/lsn.hpp"

namespace pulse::capture {

// A walsender reports how far it has read when it has caught up with the WAL. One that never does
// reports nothing, and the slot stays where it is: other databases or unpublished tables are
// written faster than it reads. A transaction of Pulse that comes through the stream has the
// position as well: source::write_heartbeat.
// One owner: the capture thread.
class heartbeat {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // Zero: never.
  heartbeat(metrics& figures, std::string project, std::chrono::seconds interval);

  bool wanted() const { return interval_.count() != 0; }
  // Returns whether to write one now: PostgreSQL has flushed more than it has reported, and has
  // reported nothing for the interval. True once an interval at most.
  bool due(lsn received, lsn flushed, time_point now);
  // Takes the result. Logs a failure once, until one succeeds again.
  void wrote(const result<void>& outcome);

 private:
  std::string project_;
  std::chrono::seconds interval_;
  prometheus::Counter& written_;
  prometheus::Counter& failed_;
  lsn received_;
  time_point since_{};
  bool failing_ = false;
};

}  // namespace pulse::capture
