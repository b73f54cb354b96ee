// What a figure is called and means, apart from its value.
#pragma once

#include <array>
#include <cstddef>

namespace pulse {

enum class metric_kind { counter, gauge };

// In Prometheus' data model. `labels` are names; each series has a value for every one.
template <metric_kind Kind, std::size_t Labels>
struct metric_definition {
  const char* name;
  const char* help;
  std::array<const char*, Labels> labels;
};

namespace metric {

// A number that only grows while the process runs; its name ends in _total.
template <class... Label>
constexpr metric_definition<metric_kind::counter, sizeof...(Label)> counter(const char* name,
                                                                            const char* help,
                                                                            Label... labels) {
  return {name, help, {labels...}};
}

template <class... Label>
constexpr metric_definition<metric_kind::gauge, sizeof...(Label)> gauge(const char* name,
                                                                        const char* help,
                                                                        Label... labels) {
  return {name, help, {labels...}};
}

}  // namespace metric

}  // namespace pulse
