#include "base/metrics.hpp"

#include <algorithm>
#include <string_view>

#include <prometheus/text_serializer.h>

#include "base/shown_text.hpp"

namespace pulse {

void metrics::drop_labelled(const std::string& label, const std::string& value) {
  for (const auto& family : registry_.Collect()) {
    for (const auto& series : family.metric) {
      prometheus::Labels labels;
      for (const auto& one : series.label) labels.emplace(one.name, one.value);
      const auto found = labels.find(label);
      if (found == labels.end() || found->second != value) continue;
      if (family.type == prometheus::MetricType::Gauge) {
        auto& all =
            prometheus::BuildGauge().Name(family.name).Help(family.help).Register(registry_);
        all.Remove(&all.Add(labels));
      } else {
        auto& all =
            prometheus::BuildCounter().Name(family.name).Help(family.help).Register(registry_);
        all.Remove(&all.Add(labels));
      }
    }
  }
}

std::string metrics::render() const {
  auto text = prometheus::TextSerializer().Serialize(registry_.Collect());
  if (std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }))
    return text;
  // Names of tables and streams are labels. A line's end is the format's own, and escaped in them.
  std::string safe;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    safe += shown(rest.substr(0, end));
    if (end < rest.size()) safe += '\n';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return safe;
}

}  // namespace pulse
