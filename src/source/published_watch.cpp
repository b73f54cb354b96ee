#include "source/published_watch.hpp"

#include <algorithm>
#include <utility>

namespace pulse::source {
namespace {

// One that is open has no end yet: whatever else becomes of its tables is within it. But what it
// waits for must be of these tables: of others it would perhaps never be sent.
bool covers(const unsent_changes& open, const unsent_changes& lost) {
  if (open.as_partition != lost.as_partition) return false;
  const bool waited_for = std::ranges::equal(
      open.actions, lost.actions, [](bool waits, bool loses) { return waits || !loses; });
  if (open.of_every_table) return lost.of_every_table || waited_for;
  if (lost.of_every_table) return false;
  return (waited_for || open.tables.size() == lost.tables.size()) &&
         std::ranges::all_of(lost.tables, [&](const auto& table) {
           return std::ranges::find(open.tables, table) != open.tables.end();
         });
}

// `except`: one that is about to end.
publication_loss* covering(std::vector<publication_loss>& open, const unsent_changes& lost,
                           const publication_loss* except = nullptr) {
  const auto found = std::ranges::find_if(
      open, [&](const publication_loss& one) { return &one != except && covers(one.what, lost); });
  return found == open.end() ? nullptr : &*found;
}

publication_loss widen(publication_loss* open, const unsent_changes& lost) {
  for (std::size_t i = 0; i < published_action_count; ++i)
    open->what.actions[i] = open->what.actions[i] || lost.actions[i];
  open->over_before.reset();
  return *open;
}

bool were_not_listed(const published_state& before, const present_tables& tables) {
  return std::ranges::none_of(before.publications, [&](const publication_state& publication) {
    return std::ranges::any_of(publication.tables, [&](const published_list_entry& listed) {
      return std::ranges::find(tables, listed.table, &present_table::oid) != tables.end();
    });
  });
}

auto is_of(const publication_loss& loss) {
  return [&loss](const publication_loss& one) {
    return one.after == loss.after && one.what == loss.what;
  };
}

// Where some of the loss is sent again, and the rest is left out on purpose.
std::optional<present_tables> left_out_of(const publication_loss& loss,
                                          const published_look& look) {
  if (!look.own || (loss.what.of_every_table && !look.has_all)) return std::nullopt;
  return find_left_out(loss.what, look.state, look.tables);
}

}  // namespace

void published_watch::begin(published_look look) {
  known_ = published_memory{std::move(look.state), look.before, {}};
}

present_tables published_watch::concerned(const published_look& look) const {
  present_tables tables;
  for (const auto& loss : known_->open)
    tables.insert(tables.end(), loss.what.tables.begin(), loss.what.tables.end());
  for (const auto& publication : known_->state.publications) {
    const auto now =
        std::ranges::find(look.state.publications, publication.row, &publication_state::row);
    const bool stayed = now != look.state.publications.end();
    for (const auto& listed : publication.tables) {
      if (stayed && std::ranges::binary_search(now->tables, listed)) continue;
      tables.push_back({listed.table, listed.name});
    }
  }
  return tables;
}

bool published_watch::concerns_all(const published_look& look) const {
  return look.own && !look.state.publications.empty() &&
         std::ranges::none_of(look.state.publications, &publication_state::for_all_tables) &&
         std::ranges::any_of(known_->open,
                             [](const auto& loss) { return loss.what.of_every_table; });
}

bool published_watch::altered(const published_look& look) const {
  return !std::ranges::equal(known_->state.publications, look.state.publications, {},
                             &publication_state::row, &publication_state::row);
}

published_watch::findings published_watch::see(const published_look& look, const position& stored) {
  findings found;
  found.memory_changed = known_->state != look.state;
  for (auto& lost : find_unsent(known_->state, look.state, look.tables)) {
    auto after = lost.publication_gone ? std::min(known_->at, stored) : known_->at;
    // A table that was made since has lost nothing before the place where that is known to begin.
    const auto* open = covering(known_->open, lost);
    if (open != nullptr && were_not_listed(known_->state, lost.tables))
      after = std::max(after, open->after);
    lose({std::move(lost), after, {}});
  }
  known_->state = look.state;
  known_->at = std::max(known_->at, look.before);

  for (auto& loss : known_->open) follow(&loss, look, &found);
  end_losses(look, &found);
  for (const auto& loss : known_->open) {
    if (!loss.told) found.untold.push_back(loss);
  }
  return found;
}

// What a transaction wrote while it was not sent is missing also when the transaction commits
// later: the loss ends with the last one that was under way when it was sent again.
void published_watch::follow(publication_loss* loss, const published_look& look, findings* found) {
  const auto before = loss->over_before;
  const bool sent =
      is_sent_again(loss->what, look.state, look.tables) || left_out_of(*loss, look).has_value();
  if (!sent) {
    loss->over_before.reset();
  } else if (!loss->over_before) {
    loss->over_before = look.xmax;
  }
  found->memory_changed = found->memory_changed || loss->over_before != before;
}

// For tables that one's own publication has no more a loss goes on as another one.
void published_watch::end_losses(const published_look& look, findings* found) {
  for (const auto& loss : known_->open) {
    if (!loss.over_before || look.xmin < *loss.over_before) continue;
    auto& end = found->ended.emplace_back(findings::end{loss, look.after, std::nullopt});
    if (is_sent_again(loss.what, look.state, look.tables)) continue;
    auto left_out = left_out_of(loss, look);
    if (!left_out || left_out->empty()) continue;
    end.rest = loss;
    auto& what = end.rest->what;
    what.of_every_table = false;
    what.publication_gone = false;
    what.reason = "the publication does not send all of " + names_of(*left_out) + " any more";
    what.tables = std::move(*left_out);
    end.rest->after = look.after;
    end.rest->over_before.reset();
    end.rest->told = false;
  }
}

publication_loss published_watch::lose(publication_loss loss) {
  auto* open = covering(known_->open, loss.what);
  if (open != nullptr && loss.after >= open->after) return widen(open, loss.what);
  loss.after = free_place(loss.after);
  return known_->open.emplace_back(std::move(loss));
}

publication_loss published_watch::go_on(const findings::end& end) {
  const auto ending = std::ranges::find_if(known_->open, is_of(end.loss));
  auto* open =
      covering(known_->open, end.rest->what, ending == known_->open.end() ? nullptr : &*ending);
  if (open != nullptr) return widen(open, end.rest->what);
  auto rest = *end.rest;
  rest.after = free_place(rest.after);
  return known_->open.emplace_back(std::move(rest));
}

bool published_watch::loses_every_table_to_a_drop() const {
  return known_ && std::ranges::any_of(known_->open, [](const auto& loss) {
           return loss.what.of_every_table && loss.what.publication_gone;
         });
}

position published_watch::free_place(position from) const {
  while (std::ranges::find(known_->open, from, &publication_loss::after) != known_->open.end())
    ++from.ordinal;
  return from;
}

void published_watch::told(const publication_loss& loss) {
  const auto known = std::ranges::find_if(known_->open, is_of(loss));
  if (known != known_->open.end()) known->told = true;
}

void published_watch::ended(const publication_loss& loss) {
  const auto known = std::ranges::find_if(known_->open, is_of(loss));
  if (known == known_->open.end()) return;
  if (known->over_before == loss.over_before) {
    known_->open.erase(known);
  } else {
    known->told = false;
  }
}

}  // namespace pulse::source
