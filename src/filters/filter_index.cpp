#include "filters/filter_index.hpp"

#include <algorithm>
#include <array>

namespace pulse::filters {
namespace {

constexpr std::array every_action{change_action::create, change_action::update,
                                  change_action::remove};

void take_out(std::vector<stream_id>& from, stream_id stream) {
  const auto at = std::ranges::find(from, stream);
  if (at == from.end()) return;
  *at = from.back();
  from.pop_back();
}

}  // namespace

filter_index::by_column& filter_index::column(by_kind& kind, const index_terms& terms) {
  for (auto& one : kind.columns) {
    if (one.which.side == terms.side && one.which.column == terms.column &&
        one.which.values.form.name == terms.values.form.name) {
      return one;
    }
  }
  auto& made = kind.columns.emplace_back();
  made.which = terms;
  made.which.values.keys.clear();
  return made;
}

void filter_index::add(stream_id stream, const filter& wanted) {
  for (const auto action : every_action) {
    const auto* test = wanted.test_of(action);
    if (test == nullptr) continue;
    const auto terms = terms_of(*test);
    if (!terms) {
      of(action).always.push_back(stream);
      continue;
    }
    auto& place = column(of(action), *terms);
    place.all.insert(stream);
    for (const auto& key : terms->values.keys) place.by_value[key].push_back(stream);
  }
}

void filter_index::remove(stream_id stream, const filter& wanted) {
  for (const auto action : every_action) {
    const auto* test = wanted.test_of(action);
    if (test == nullptr) continue;
    const auto terms = terms_of(*test);
    if (!terms) {
      take_out(of(action).always, stream);
      continue;
    }
    auto& place = column(of(action), *terms);
    place.all.erase(stream);
    for (const auto& key : terms->values.keys) {
      const auto found = place.by_value.find(key);
      if (found == place.by_value.end()) continue;
      take_out(found->second, stream);
      if (found->second.empty()) place.by_value.erase(found);
    }
  }
}

void filter_index::find(const event_view& event, event_values& values,
                        std::vector<stream_id>& to) const {
  const auto& kind = kinds_[static_cast<std::size_t>(event.action)];
  to.insert(to.end(), kind.always.begin(), kind.always.end());
  for (const auto& column : kind.columns) find_by_value(column, values, to);
}

void filter_index::find_by_value(const by_column& column, event_values& values, streams& to) {
  if (column.all.empty()) return;
  const auto& which = column.which;
  const auto& form = which.values.form;
  auto* value = values.at(which.side, which.column, which.in_identity);
  // NULL equals nothing.
  if (value != nullptr && value->is_null()) return;
  const bool readable = value != nullptr && value->text().size() <= form.bytes_max;
  const auto* key = readable ? &value->key(form) : nullptr;
  if (key == nullptr || !*key) {
    to.insert(to.end(), column.all.begin(), column.all.end());
    return;
  }
  const auto found = column.by_value.find(**key);
  if (found != column.by_value.end())
    to.insert(to.end(), found->second.begin(), found->second.end());
}

}  // namespace pulse::filters
