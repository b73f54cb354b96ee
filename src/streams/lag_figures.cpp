#include "streams/lag_figures.hpp"

#include <utility>

namespace pulse::streams {
namespace {

constexpr const char* lag_name = "pulse_stream_lag_bytes";
constexpr const char* lag_help =
    "WAL bytes from a named stream's cursor to the newest stored event";

}  // namespace

lag_figures::lag_figures(metrics& figures, std::string project)
    : figures_(&figures),
      project_(std::move(project)),
      left_out_(&figures.gauge(
          "pulse_stream_lags_left_out",
          "Named streams without a pulse_stream_lag_bytes, because there are too many",
          {{"project", project_}})) {}

metric_labels lag_figures::labels(const cursor_key& key) const {
  return {{"project", project_}, {"table", to_string(key.table)}, {"stream", key.name}};
}

bool lag_figures::set(const cursor_key& key, std::uint64_t lag_bytes) {
  auto found = gauges_.find(key);
  if (found == gauges_.end()) {
    if (gauges_.size() == streams_max) return false;
    found = gauges_.emplace(key, &figures_->gauge(lag_name, lag_help, labels(key))).first;
  }
  found->second->Set(static_cast<double>(lag_bytes));
  return true;
}

void lag_figures::drop(const cursor_key& key) {
  const auto found = gauges_.find(key);
  if (found == gauges_.end()) return;
  figures_->drop_gauge(lag_name, lag_help, *found->second);
  gauges_.erase(found);
}

}  // namespace pulse::streams
