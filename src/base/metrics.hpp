// The process's metrics, in Prometheus' data model. Names and meanings: docs/metrics.md.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace pulse {

using metric_labels = std::map<std::string, std::string>;

// Creates counters and gauges and renders them all. Any thread; they live as long as this and are
// safe from any thread.
class metrics {
 public:
  // Returns the counter or gauge with this name and these labels; creates it at the first call.
  prometheus::Counter& counter(const std::string& name, const std::string& help,
                               const metric_labels& labels = {});
  prometheus::Gauge& gauge(const std::string& name, const std::string& help,
                           const metric_labels& labels = {});

  // Removes a gauge whose object is gone: do not use it any more.
  void drop_gauge(const std::string& name, const std::string& help, prometheus::Gauge& gauge);

  // Text exposition format 0.0.4.
  std::string render() const;

 private:
  prometheus::Registry registry_;
};

}  // namespace pulse
