// Names of streams and open streams when tables are renamed, or replaced by others.
#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "streams/hub_impl.hpp"

namespace pulse::streams {

void hub::impl::move_name(const cursor_key& from, const cursor_key& to) {
  auto moving = names_.extract(from);
  moving.key() = to;
  moving.mapped()->key = to;
  const bool was_dirty = dirty_.erase(from) != 0;
  lags_.drop(from);
  const auto placed = names_.insert(std::move(moving));
  move_on_its_way(from, placed.inserted ? &to : nullptr);
  if (placed.inserted) {
    if (was_dirty) dirty_.insert(to);
    return;
  }
  // The new name has had a stream so called all along: that one stays.
  disband(*placed.node.mapped(), "the table was renamed: connect again");
}

// Retention may be waiting for the name. Without `to` there is nothing to wait for any more.
void hub::impl::move_on_its_way(const cursor_key& from, const cursor_key* to) {
  if (!way_) return;
  if (to == nullptr) {
    std::erase(way_->names, from);
    std::erase_if(way_->moved, [&](const auto& one) { return one.first == from; });
    return;
  }
  std::ranges::replace(way_->names, from, *to);
  for (auto& one : way_->moved) {
    if (one.first == from) one.first = *to;
  }
}

// Under the name that another table has now, beside the cursor that went with its table.
void hub::impl::stay(const name_state& copy) {
  auto& place = names_[copy.key];
  if (place) return;
  place = std::make_shared<name_state>(copy);
  find_table(*place);
  note_cursor(*place);
  if (!way_ || copy.abandoned) return;
  if (copy.cursor < way_->through) {
    way_->names.push_back(copy.key);
  } else {
    way_->moved.emplace_back(copy.key, copy.cursor);
  }
}

void hub::impl::follow(const std::vector<table_rename>& renamed) {
  // Two names may be swapped: all leave their old tables before one arrives.
  std::vector<std::pair<cursor_key, cursor_key>> moves;
  std::vector<name_state> copies;
  for (std::size_t i = 0; i < renamed.size(); ++i) {
    const auto& [from, to, taken] = renamed[i];
    std::vector<cursor_key> keys;
    for (auto at = names_.lower_bound({from, ""}); at != names_.end() && at->first.table == from;
         ++at) {
      keys.push_back(at->first);
    }
    for (const auto& key : keys) {
      // No table of a database has an empty name.
      const cursor_key between{{std::to_string(i), ""}, key.name};
      // One whose position is not known yet has its copy in the store only.
      if (const auto& name = *names_.at(key); taken && !name.opening) {
        auto& copy = copies.emplace_back();
        copy.key = key;
        copy.cursor = cursor(key);
        copy.saved = name.saved;
        copy.overtaken = name.overtaken;
        copy.abandoned = name.abandoned;
        copy.used_at = name.used_at;
      }
      move_name(key, between);
      moves.emplace_back(between, cursor_key{to, key.name});
    }
  }
  for (const auto& [between, to] : moves) {
    move_name(between, to);
    find_table(*names_.at(to));
  }
  for (const auto& copy : copies) stay(copy);
  for (const auto& [from, to, taken] : renamed) {
    log_info("streams", "a table was renamed: its streams follow",
             {{"project", with_.project}, {"from", to_string(from)}, {"to", to_string(to)}});
  }
  end_replaced(renamed);
}

void hub::impl::end_replaced(const std::vector<table_rename>& renamed) {
  std::vector<stream_id> replaced;
  for (const auto& [id, stream] : streams_.all()) {
    const auto found = std::ranges::find(renamed, stream->table_of, &table_rename::from);
    bool other = false;
    if (found != renamed.end()) {
      stream->table_of = found->to;
      other = found->name_taken;
    }
    const auto table = with_.relations->table(stream->table_oid, stream->table_of);
    if (other || (table && *table != stream->table)) replaced.push_back(stream->id);
  }
  for (const auto id : replaced)
    end(id, end_reason::cursor_moved, "another table has this one's name now: connect again");
}

}  // namespace pulse::streams
