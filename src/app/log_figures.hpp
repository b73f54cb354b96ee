// Metrics of one project's event log: its size, and its room.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/metrics.hpp"
#include "log/event_log.hpp"
#include "server/registry.hpp"

namespace pulse::app {

// One owner: the delivery thread.
class log_figures {
 public:
  // `counted`: the events from before this run, which were counted already.
  log_figures(metrics& figures, const std::string& project, std::filesystem::path data_dir,
              const log::log_bounds& counted);

  // Nothing: there is no such limit.
  void use_limits(std::optional<std::uint64_t> retention_bytes,
                  std::optional<std::uint64_t> storage_max);
  void take(const log::log_bounds& now, const server::project_service::capture_status& capture,
            std::chrono::steady_clock::time_point at);

 private:
  void measure_volume(std::chrono::steady_clock::time_point at);

  std::filesystem::path data_dir_;
  std::chrono::steady_clock::time_point volume_measured_{};
  log::log_bounds counted_;
  prometheus::Counter& stored_;
  prometheus::Counter& syncs_;
  prometheus::Gauge& stored_bytes_;
  prometheus::Gauge& pending_bytes_;
  prometheus::Gauge& retention_bytes_;
  prometheus::Gauge& storage_max_bytes_;
  prometheus::Gauge& out_of_space_;
  prometheus::Gauge& volume_bytes_;
  prometheus::Gauge& volume_available_bytes_;
  prometheus::Gauge& progressing_;
};

}  // namespace pulse::app
