// Keeps a slot moving where the server has much to read and nothing of it to send.
#pragma once

#include <chrono>
#include <string>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "change/lsn.hpp"

namespace pulse::capture {

// A walsender says how far it has read when it has caught up with the WAL. One that never does,
// because other databases or unpublished tables are written faster than it reads, says nothing, and
// the slot stays where it is. A transaction of our own that comes through the stream tells the
// place as well: source::write_heartbeat.
//
// One owner: the capture thread.
class heartbeat {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // Zero: never.
  heartbeat(metrics& figures, std::string project, std::chrono::seconds interval);

  bool wanted() const { return interval_.count() != 0; }
  // Whether one should be written now: the server has flushed more than it has told of, and has
  // told nothing for the interval. True once an interval at most.
  bool due(lsn received, lsn flushed, time_point now);
  // What became of it. A failure is said once, until one succeeds again.
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
