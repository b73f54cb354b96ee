#include "tests/simulation/calamities.hpp"

#include <algorithm>
#include <optional>

namespace pulse::simulation {

void calamities::strike() {
  if (left_ == 0 || !may_commit()) return;
  --left_;
  set_back_ = false;
  // Where a standby was promoted, its sibling is what comes next as often as anything else.
  if (server_->database().sibling_transactions() != 0 && chance(2)) return promote();
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

std::size_t calamities::all_but_some() {
  const auto all = server_->database().history().size();
  return all - pick(0, std::min<std::size_t>(all, 10));
}

// Of two standbys of one server both, one after the other, or one and then its own.
void calamities::promote() {
  const auto siblings = server_->database().sibling_transactions();
  if (siblings != 0 && !chance(3)) {
    const auto transactions = siblings + pick(0, 10);
    const auto kept = transactions - pick(0, std::min<std::uint64_t>(transactions, 10));
    server_->promote_sibling(kept, chance(2));
  } else {
    const auto kept = all_but_some();
    server_->promote(kept, chance(2));
  }
  judge_->history_changed("promoted at " +
                          to_string(server_->identity().history.left.back().switch_point));
}

// Another database answers, or again the one of before.
void calamities::replace() {
  if (chance(3) || !server_->return_to_former(pick(0, 10)))
    server_->replace_by_new(pick(0, 10), chance(2));
  judge_->history_changed("replaced by " + source::identity_of(server_->identity()));
}

void calamities::set_back() {
  const auto& database = server_->database();
  const auto stored = judge_->durable_mark();
  const auto kept = std::max(all_but_some(), database.kept_min());
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
