// The process's figures, in Prometheus' data model. Names and meanings: docs/metrics.md.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace pulse {

using metric_labels = std::map<std::string, std::string>;

// Hands out counters and gauges and renders them all. Any thread; what it hands out lives as long
// as it does, unless it is dropped, and is itself safe from any thread.
class metrics {
 public:
  // The counter or gauge of this name and these labels, made when first asked for.
  prometheus::Counter& counter(const std::string& name, const std::string& help,
                               const metric_labels& labels = {});
  prometheus::Gauge& gauge(const std::string& name, const std::string& help,
                           const metric_labels& labels = {});

  // A gauge that stands for something that is gone: it must not be used any more.
  void drop_gauge(const std::string& name, const std::string& help, prometheus::Gauge& gauge);

  // Everything with this label is of something that is gone: none of it must be used any more.
  void drop_labelled(const std::string& label, const std::string& value);

  // Text exposition format 0.0.4.
  std::string render() const;

 private:
  void drop_counter(const std::string& name, const std::string& help, prometheus::Counter& counter);

  prometheus::Registry registry_;
};

}  // namespace pulse
