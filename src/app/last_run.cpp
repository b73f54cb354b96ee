#include "app/last_run.hpp"

#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "control/origin_json.hpp"
#include "control/published_json.hpp"

namespace pulse::app {

namespace {

// What cannot be read is told, and then the present counts as what was always so.
result<std::optional<source::published_memory>> read_published(control::state_store& store,
                                                               const std::string& project) {
  const auto stored = store.fact(project, "publications");
  if (!stored) return stored.error();
  if (!*stored) return std::optional<source::published_memory>();
  auto known = control::published_from_json(**stored);
  if (!known) {
    log_warning("state", known.error().what, {{"project", project}, {"next", known.error().next}});
    return std::optional<source::published_memory>();
  }
  const auto place = store.fact(project, "publications_at");
  if (!place) return place.error();
  if (*place) {
    if (const auto at = control::place_from_json(**place)) known->at = std::max(known->at, *at);
  }
  return std::optional(std::move(*known));
}

}  // namespace

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
  auto published = read_published(store, project);
  if (!published) return published.error();
  one.published = std::move(*published);
  auto gaps = store.gaps().of(project);
  if (!gaps) return gaps.error();
  one.gaps = std::move(*gaps);
  const auto known = store.last_catalog(project);
  if (known) {
    one.known = *known;
  } else if (known.error().code == errc::corrupt) {
    log_warning("state", known.error().what, {{"project", project}, {"next", known.error().next}});
  } else {
    return known.error();
  }
  auto cursors = store.cursors(project);
  if (!cursors) return cursors.error();
  one.cursors = std::move(*cursors);
  return one;
}

}  // namespace pulse::app
