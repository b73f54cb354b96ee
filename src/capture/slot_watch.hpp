// How much WAL one project's slot makes its server keep: measured, and warned of in time.
#pragma once

#include <string>

#include "base/metrics.hpp"
#include "source/slot_retention.hpp"

namespace pulse::capture {

// One owner: the capture thread.
class slot_watch {
 public:
  slot_watch(metrics& figures, std::string project);

  // Says it in the log when the level has changed since the last look.
  void see(const std::string& slot, const source::slot_retention& now);
  // For status; empty while all is fine.
  const std::string& warning() const { return warning_; }

 private:
  std::string project_;
  prometheus::Gauge& kept_;
  prometheus::Gauge& safe_;
  source::retention_level level_ = source::retention_level::fine;
  std::string warning_;
};

}  // namespace pulse::capture
