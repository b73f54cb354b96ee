#include "log/table_numbers.hpp"

#include <algorithm>
#include <unordered_set>

namespace pulse::log {

table_id table_numbers::by_oid(std::uint32_t oid) const {
  const auto found = by_oid_.find(oid);
  return found == by_oid_.end() ? 0 : found->second;
}

table_id table_numbers::by_name(const table_name& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? 0 : found->second;
}

bool table_numbers::can_come_next(const entry& known) const {
  const bool is_new = known.table == last_ + 1;
  if (known.oid == 0) return is_new && by_name(known.name) == 0;
  if (known.table == 0 || known.table > last_) return is_new;
  return by_oid(known.oid) != known.table || by_name(known.name) != known.table;
}

bool table_numbers::restore(const entry& known) {
  if (!can_come_next(known)) return false;
  set(known);
  return true;
}

void table_numbers::set(const entry& known) {
  last_ = std::max(last_, known.table);
  if (known.oid != 0) by_oid_.insert_or_assign(known.oid, known.table);
  // Its earlier name is free, unless another table has it already.
  auto& name = names_[known.table];
  if (const auto old = by_name_.find(name); old != by_name_.end() && old->second == known.table) {
    by_name_.erase(old);
  }
  name = known.name;
  by_name_.insert_or_assign(known.name, known.table);
}

void table_numbers::restore_database(const std::string& database) {
  if (!database_.empty()) by_oid_.clear();
  database_ = database;
}

result<void> table_numbers::take(const entry& changed, const keep_entry& keep) {
  if (auto kept = keep(changed); !kept) return kept;
  set(changed);
  return {};
}

table_id table_numbers::find(std::uint32_t oid, const table_name& name) const {
  const auto known = by_oid(oid);
  return known != 0 ? known : by_name(name);
}

bool table_numbers::settled(std::uint32_t oid, const table_name& name) const {
  const auto known = by_oid(oid);
  return known == 0 ? by_name(name) == 0 : names_.at(known) == name;
}

result<table_id> table_numbers::number(std::uint32_t oid, const table_name& name,
                                       const keep_entry& keep) {
  if (const auto known = by_oid(oid); known != 0) {
    // Gone before any catalog had it: by the name that it had last it took another one's place.
    const auto holder = by_name(name);
    const bool took_over = never_present_.contains(oid) && holder != 0 && names_.at(known) != name;
    if (!took_over) return known;
    if (auto taken = take({holder, oid, name}, keep); !taken) return taken.error();
    return holder;
  }
  // What has another name by now is not the table that has this one.
  const auto now = present_.find(oid);
  const auto& called = now == present_.end() ? name : now->second;
  auto table = by_name(called);
  if (table != 0 && oid == 0) return table;
  if (table == 0) table = last_ + 1;
  if (auto taken = take({table, oid, called}, keep); !taken) return taken.error();
  if (now == present_.end()) never_present_.insert(oid);
  return table;
}

result<void> table_numbers::observe(const catalog& present, const keep_entry& keep,
                                    const keep_database& kept) {
  if (present.database != database_ && !present.database.empty()) {
    if (auto written = kept(present.database); !written) return written;
    restore_database(present.database);
  }
  present_.clear();
  std::unordered_set<table_id> alive;
  for (const auto& table : present.tables) {
    present_.emplace(table.oid, table.name);
    never_present_.erase(table.oid);
    if (const auto known = by_oid(table.oid); known != 0) alive.insert(known);
  }
  for (const auto& table : present.tables) {
    const auto known = by_oid(table.oid);
    const auto holder = by_name(table.name);
    if (known == holder) continue;
    auto goes_on_as = known;
    if (holder != 0 && !alive.contains(holder)) {
      goes_on_as = holder;
    } else if (known == 0) {
      goes_on_as = last_ + 1;
    }
    alive.insert(goes_on_as);
    if (auto taken = take({goes_on_as, table.oid, table.name}, keep); !taken) return taken;
  }
  return {};
}

}  // namespace pulse::log
