#include "app/log_figures.hpp"

#include <limits>
#include <utility>

namespace pulse::app {
namespace {

// A disk that fills up takes longer than this, and a slow one is not asked each second.
constexpr std::chrono::seconds volume_interval{5};

double bytes_or_no_limit(std::optional<std::uint64_t> bytes) {
  return bytes ? static_cast<double>(*bytes) : std::numeric_limits<double>::infinity();
}

}  // namespace

log_figures::log_figures(metrics& figures, const std::string& project,
                         std::filesystem::path data_dir, const log::log_bounds& counted)
    : data_dir_(std::move(data_dir)),
      counted_(counted),
      stored_(figures.counter(metric::events_stored, project)),
      syncs_(figures.counter(metric::log_syncs, project)),
      stored_bytes_(figures.gauge(metric::log_stored_bytes, project)),
      pending_bytes_(figures.gauge(metric::log_lag_bytes, project)),
      retention_bytes_(figures.gauge(metric::log_retention_bytes, project)),
      storage_max_bytes_(figures.gauge(metric::log_storage_max_bytes, project)),
      out_of_space_(figures.gauge(metric::log_out_of_space, project)),
      volume_bytes_(figures.gauge(metric::volume_bytes, project)),
      volume_available_bytes_(figures.gauge(metric::volume_available_bytes, project)),
      progressing_(figures.gauge(metric::capture_progressing, project)) {}

void log_figures::use_limits(std::optional<std::uint64_t> retention_bytes,
                             std::optional<std::uint64_t> storage_max) {
  retention_bytes_.Set(bytes_or_no_limit(retention_bytes));
  storage_max_bytes_.Set(bytes_or_no_limit(storage_max));
}

void log_figures::take(const log::log_bounds& now,
                       const server::project_service::capture_status& capture,
                       std::chrono::steady_clock::time_point at) {
  stored_.Increment(static_cast<double>(now.last - counted_.last));
  syncs_.Increment(static_cast<double>(now.syncs - counted_.syncs));
  stored_bytes_.Set(static_cast<double>(now.stored_bytes));
  pending_bytes_.Set(static_cast<double>(now.pending_bytes));
  out_of_space_.Set(now.out_of_space ? 1 : 0);
  progressing_.Set(capture.progressing ? 1 : 0);
  counted_ = now;
  measure_volume(at);
}

void log_figures::measure_volume(std::chrono::steady_clock::time_point at) {
  if (volume_measured_ != std::chrono::steady_clock::time_point{} &&
      at - volume_measured_ < volume_interval)
    return;
  volume_measured_ = at;
  std::error_code failure;
  const auto space = std::filesystem::space(data_dir_, failure);
  if (failure) return;
  volume_bytes_.Set(static_cast<double>(space.capacity));
  volume_available_bytes_.Set(static_cast<double>(space.available));
}

}  // namespace pulse::app
