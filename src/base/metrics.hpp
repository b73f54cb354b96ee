// The process's metrics, in Prometheus' data model. Names and meanings: metric_list.hpp.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>

#include "base/metric_definition.hpp"
#include "base/metric_list.hpp"

namespace pulse {

// Hands out counters and gauges and renders them all. Any thread; what it hands out lives as long
// as it does, unless it is dropped, and is itself safe from any thread.
class metrics {
 public:
  // The series that has these values of the definition's labels, in their order; made when first
  // asked for.
  template <std::size_t Labels, std::convertible_to<std::string>... Value>
    requires(sizeof...(Value) == Labels)
  prometheus::Counter& counter(const metric_definition<metric_kind::counter, Labels>& of,
                               const Value&... values) {
    return prometheus::BuildCounter().Name(of.name).Help(of.help).Register(registry_).Add(
        labels(of.labels, {values...}));
  }
  template <std::size_t Labels, std::convertible_to<std::string>... Value>
    requires(sizeof...(Value) == Labels)
  prometheus::Gauge& gauge(const metric_definition<metric_kind::gauge, Labels>& of,
                           const Value&... values) {
    return prometheus::BuildGauge().Name(of.name).Help(of.help).Register(registry_).Add(
        labels(of.labels, {values...}));
  }

  // A series that stands for something that is gone: it must not be used any more.
  template <std::size_t Labels>
  void drop(const metric_definition<metric_kind::gauge, Labels>& of, prometheus::Gauge& gauge) {
    prometheus::BuildGauge().Name(of.name).Help(of.help).Register(registry_).Remove(&gauge);
  }

  // Everything with this label is of something that is gone: none of it must be used any more.
  void drop_labelled(const std::string& label, const std::string& value);

  // Text exposition format 0.0.4.
  std::string render() const;

 private:
  template <std::size_t Labels>
  static prometheus::Labels labels(const std::array<const char*, Labels>& names,
                                   const std::array<std::string, Labels>& values) {
    prometheus::Labels made;
    for (std::size_t i = 0; i < Labels; ++i) made.emplace(names[i], values[i]);
    return made;
  }

  prometheus::Registry registry_;
};

}  // namespace pulse
