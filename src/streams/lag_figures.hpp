// The lag metric of each named stream.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/metrics.hpp"
#include "streams/hub.hpp"

namespace pulse::streams {

// Created and dropped with the streams. Names come from clients, so their number is bounded. One
// owner.
class lag_figures {
 public:
  static constexpr std::size_t streams_max = 1000;

  lag_figures(metrics& figures, std::string project);

  // False: there are streams_max others already.
  bool set(const cursor_key& key, std::uint64_t lag_bytes);
  void drop(const cursor_key& key);
  // Sets the number of streams without a metric.
  void leave_out(std::size_t streams) { left_out_->Set(static_cast<double>(streams)); }

 private:
  metrics* figures_;
  std::string project_;
  std::map<cursor_key, prometheus::Gauge*> gauges_;
  prometheus::Gauge* left_out_;
};

}  // namespace pulse::streams
