// Measures how much WAL PostgreSQL keeps for one project's slot, and warns in time.
#pragma once

#include <string>

#include "base/metrics.hpp"
#include "source/slot_retention.hpp"

namespace pulse::capture {

// One owner: the capture thread.
class slot_watch {
 public:
  slot_watch(metrics& figures, std::string project);

  // Logs when the level has changed since the last look.
  void see(const std::string& slot, const source::slot_retention& now);
  // The warning for the status; empty without one.
  const std::string& warning() const { return warning_; }

 private:
  std::string project_;
  prometheus::Gauge& kept_;
  prometheus::Gauge& safe_;
  source::retention_level level_ = source::retention_level::fine;
  std::string warning_;
};

}  // namespace pulse::capture
