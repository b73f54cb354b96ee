// A project's state from its last run, from the state store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "change/catalog.hpp"
#include "change/log_origin.hpp"
#include "control/state_store.hpp"
#include "source/published_watch.hpp"
#include "source/start_rules.hpp"

namespace pulse::app {

struct last_run {
  log_origin whose;
  source::slot_history slot = source::slot_history::none;
  std::optional<source::published_memory> published;  // none that can be read: as if new
  std::shared_ptr<const catalog> known;               // null: none that can be read
  std::vector<control::cursor_row> cursors;
  std::vector<control::stored_gap> gaps;
};

// Empty for a project that has not run before.
result<last_run> read_last_run(control::state_store& store, const std::string& project);

}  // namespace pulse::app
