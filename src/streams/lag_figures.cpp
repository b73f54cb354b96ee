#include "streams/lag_figures.hpp"

namespace pulse::streams {
namespace {

constexpr const char* name = "pulse_stream_lag_bytes";
constexpr const char* help =
    "WAL bytes between a named stream's cursor and the newest stored event";

}  // namespace

metric_labels lag_figures::labels(const cursor_key& key) const {
  return {{"project", project_}, {"table", to_string(key.table)}, {"stream", key.name}};
}

void lag_figures::set(const cursor_key& key, std::uint64_t lag_bytes) {
  auto found = gauges_.find(key);
  if (found == gauges_.end()) {
    if (gauges_.size() == streams_max) return;
    found = gauges_.emplace(key, &figures_->gauge(name, help, labels(key))).first;
  }
  found->second->Set(static_cast<double>(lag_bytes));
}

void lag_figures::drop(const cursor_key& key) {
  const auto found = gauges_.find(key);
  if (found == gauges_.end()) return;
  figures_->drop_gauge(name, help, *found->second);
  gauges_.erase(found);
}

}  // namespace pulse::streams
