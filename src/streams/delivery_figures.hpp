// Counts of events on their way to the streams.
#pragma once

#include <cstdint>
#include <string>

#include "base/metrics.hpp"

namespace pulse::streams {

// Counts of one project that rise with every event. They are kept here and added to the shared
// counters from time to time. One owner.
class delivery_figures {
 public:
  delivery_figures(metrics& figures, const std::string& project);

  std::uint64_t delivered = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t undecided = 0;
  std::uint64_t evaluations = 0;
  std::uint64_t interrupted = 0;
  std::uint64_t acknowledged = 0;

  // Adds the counts since the last call to the counters.
  void show();

 private:
  prometheus::Counter& delivered_total_;
  prometheus::Counter& redelivered_total_;
  prometheus::Counter& dropped_total_;
  prometheus::Counter& undecided_total_;
  prometheus::Counter& evaluations_total_;
  prometheus::Counter& interrupted_total_;
  prometheus::Counter& acknowledged_total_;
};

}  // namespace pulse::streams
