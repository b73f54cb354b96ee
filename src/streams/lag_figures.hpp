// The lag of each named stream, as a figure of its own.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/metrics.hpp"
#include "change/position.hpp"
#include "streams/hub.hpp"

namespace pulse::streams {

// WAL bytes between the cursor and the newest stored event. 0: nothing stored is left to deliver.
// Of a stream that nobody reads it is an upper bound: what lies between may be of other tables.
std::uint64_t lag_bytes(const position& cursor, const position& newest);

// Made and dropped with the streams; names come from clients, so their number is bounded. One
// owner.
class lag_figures {
 public:
  static constexpr std::size_t streams_max = 1000;

  lag_figures(metrics& figures, std::string project)
      : figures_(&figures), project_(std::move(project)) {}

  void set(const cursor_key& key, std::uint64_t lag_bytes);
  void drop(const cursor_key& key);

 private:
  metric_labels labels(const cursor_key& key) const;

  metrics* figures_;
  std::string project_;
  std::map<cursor_key, prometheus::Gauge*> gauges_;
};

}  // namespace pulse::streams
