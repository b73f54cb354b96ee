#include "tests/simulation/calamities.hpp"

#include <algorithm>
#include <optional>

namespace pulse::simulation {

void calamities::strike() {
  if (left_ == 0 || !may_commit()) return;
  --left_;
  set_back_ = is_mistake_ = false;
  // Where a standby was promoted, its sibling is what comes next more often than anything else.
  if (only_standbys_ || (server_->database().sibling_transactions() != 0 && !chance(3)))
    return promote();
  switch (pick(0, 9)) {
    case 0:
      judge_->note("the slot is dropped");
      return server_->drop_slot();
    case 1:
      judge_->note("the slot loses its WAL");
      return server_->lose_slot();
    case 2:
      judge_->note("somebody else reads from the slot");
      return server_->let_somebody_else_read();
    case 3:
    case 4:
      return replace();
    case 5:
    case 6:
      return set_back();
    default:
      promote();
  }
}

std::size_t calamities::all_but_some_of(std::size_t all) {
  return chance(2) ? all : all - pick(0, std::min<std::size_t>(all, 10));
}

// Of two standbys of one server both, one after the other, or one and then its own.
void calamities::promote() {
  const auto siblings = server_->database().sibling_transactions();
  const bool with_slot = only_standbys_ || chance(2);
  if (siblings != 0 && !chance(3)) {
    server_->promote_sibling(all_but_some_of(siblings + pick(1, 10)), with_slot);
  } else {
    server_->promote(all_but_some_of(server_->database().history().size()), with_slot);
    // For its sibling.
    ++left_;
  }
  judge_->history_changed("promoted at " +
                          to_string(server_->identity().history.left.back().switch_point));
}

// Another database answers, or again the one of before.
void calamities::replace() {
  if (chance(3) || !server_->return_to_former(pick(0, 10)))
    server_->replace_by_new(pick(0, 10), chance(2));
  is_mistake_ = chance(2);
  judge_->history_changed("replaced by " + source::identity_of(server_->identity()));
}

void calamities::perhaps_undo() {
  if (!is_mistake_ || !chance(10)) return;
  is_mistake_ = false;
  server_->return_to_last(pick(0, 3));
  judge_->history_changed("replaced again by " + source::identity_of(server_->identity()));
}

void calamities::set_back() {
  const auto& database = server_->database();
  const auto stored = judge_->durable_mark();
  const auto all = database.history().size();
  const auto kept = std::max(all - pick(0, std::min<std::size_t>(all, 10)), database.kept_min());
  const auto slot_at = kept - pick(0, std::min<std::size_t>(kept, 5));
  server_->set_back(kept, chance(2) ? std::optional(slot_at) : std::nullopt);
  if (judge_->follows_the_server()) {
    for (auto n = pick(0, 3); n > 0; --n) server_->database().commit();
    // Had that reached what is stored it could not be told from it.
    if (judge_->server_end() >= stored) server_->database().set_back(kept);
  }
  set_back_ = true;
  judge_->history_changed("set back to " + to_string(database.wal_end()));
}

}  // namespace pulse::simulation
