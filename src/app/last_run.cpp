#include "app/last_run.hpp"

#include <utility>

#include "base/logging.hpp"
#include "control/catalog_json.hpp"
#include "control/origin_json.hpp"

namespace pulse::app {

result<last_run> read_last_run(control::state_store& store, const std::string& project) {
  last_run one;
  const auto origin = store.fact(project, "origin");
  if (!origin) return origin.error();
  if (*origin) {
    auto whose = control::origin_from_json(**origin);
    if (!whose) return whose.error();
    one.whose = std::move(*whose);
  }
  const auto slot = store.fact(project, "slot");
  if (!slot) return slot.error();
  one.slot = source::parse_slot_history(slot->value_or(""));
  auto gaps = store.gaps().of(project);
  if (!gaps) return gaps.error();
  one.gaps = std::move(*gaps);
  const auto stored = store.fact(project, "catalog");
  if (!stored) return stored.error();
  if (*stored) {
    if (auto known = control::catalog_from_json(**stored)) {
      one.known = *known;
    } else {
      log_warning("state", known.error().what,
                  {{"project", project}, {"next", known.error().next}});
    }
  }
  auto cursors = store.cursors(project);
  if (!cursors) return cursors.error();
  one.cursors = std::move(*cursors);
  return one;
}

}  // namespace pulse::app
