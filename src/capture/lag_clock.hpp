// How long ago the database was at capture's present position.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

#include "change/lsn.hpp"

namespace pulse::capture {

// Remembers when the database had flushed how much. Uses the time of the measurements: commit times
// would need synchronous clocks, and an idle database has none. One owner.
class lag_clock {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // Beyond this every second measurement is forgotten, so that a lag of days costs no more than
  // one of minutes. The oldest one, which the lag is counted from, stays.
  static constexpr std::size_t samples_max = 512;

  // At `now`, the database had flushed through `flushed`.
  void see(lsn flushed, time_point now);
  // Returns the time since the first measurement beyond `confirmed`; zero: there is none.
  // `confirmed` never falls, unless the database's own LSNs have gone back.
  std::chrono::steady_clock::duration behind(lsn confirmed, time_point now);

 private:
  struct sample {
    lsn flushed;
    time_point at;
  };
  std::deque<sample> samples_;  // of what is not confirmed, in order
};

}  // namespace pulse::capture
