#include "filters/recent_values.hpp"

#include <algorithm>

namespace pulse::filters {

event_values& recent_values::of(const event_view& event) {
  auto found = std::ranges::find_if(kept_, [&](const kept& one) {
    return event.sequence != 0 && one.values.sequence() == event.sequence;
  });
  if (found == kept_.end()) found = std::ranges::min_element(kept_, {}, &kept::used_at);
  found->used_at = ++uses_;
  found->values.look_at(event);
  bound(*found);
  return found->values;
}

void recent_values::bound(const kept& newest) {
  std::array<kept*, events_max> by_age{};
  std::ranges::transform(kept_, by_age.begin(), [](kept& one) { return &one; });
  std::ranges::sort(by_age, std::ranges::greater{}, [](const kept* one) { return one->used_at; });
  work_units made = 0;
  for (auto* one : by_age) {
    if (one == &newest) continue;
    made += one->values.made();
    if (made > made_max) one->values.forget();
  }
}

}  // namespace pulse::filters
