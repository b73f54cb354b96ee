#include "base/metrics.hpp"

#include <prometheus/text_serializer.h>

namespace pulse {

prometheus::Counter& metrics::counter(const std::string& name, const std::string& help,
                                      const metric_labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
}

prometheus::Gauge& metrics::gauge(const std::string& name, const std::string& help,
                                  const metric_labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels);
}

void metrics::drop_gauge(const std::string& name, const std::string& help,
                         prometheus::Gauge& gauge) {
  prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Remove(&gauge);
}

std::string metrics::render() const {
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace pulse
