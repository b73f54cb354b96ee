#include "streams/lag_figures.hpp"

#include <utility>

namespace pulse::streams {

lag_figures::lag_figures(metrics& figures, std::string project)
    : figures_(&figures),
      project_(std::move(project)),
      left_out_(&figures.gauge(metric::stream_lags_left_out, project_)) {}

bool lag_figures::set(const cursor_key& key, std::uint64_t lag_bytes) {
  auto found = gauges_.find(key);
  if (found == gauges_.end()) {
    if (gauges_.size() == streams_max) return false;
    auto& made =
        figures_->gauge(metric::stream_lag_bytes, project_, to_string(key.table), key.name);
    found = gauges_.emplace(key, &made).first;
  }
  found->second->Set(static_cast<double>(lag_bytes));
  return true;
}

void lag_figures::drop(const cursor_key& key) {
  const auto found = gauges_.find(key);
  if (found == gauges_.end()) return;
  figures_->drop(metric::stream_lag_bytes, *found->second);
  gauges_.erase(found);
}

}  // namespace pulse::streams
