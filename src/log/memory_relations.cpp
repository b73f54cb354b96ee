#include "log/memory_relations.hpp"

namespace pulse::log {

table_numbers::keep_entry memory_relations::keeper() {
  return [this](const table_numbers::entry& changed) { return keep(changed); };
}

result<table_id> memory_relations::table(std::uint32_t oid, const table_name& name) {
  const std::scoped_lock lock(mutex_);
  return numbers_.number(oid, name, keeper());
}

result<void> memory_relations::observe(const catalog& present) {
  const std::scoped_lock lock(mutex_);
  return numbers_.observe(present, keeper(),
                          [this](const std::string& database) { return keep(database); });
}

bool memory_relations::settled(std::uint32_t oid, const table_name& name) const {
  const std::scoped_lock lock(mutex_);
  return numbers_.settled(oid, name);
}

result<relation_store::described> memory_relations::describe(const relation& definition) {
  const std::scoped_lock lock(mutex_);
  const auto table = numbers_.number(definition.oid, definition.table, keeper());
  if (!table) return table.error();
  auto& newest = newest_[*table];
  if (newest != 0 && *versions_[newest - 1] == definition) return described{newest, *table};
  const auto version = static_cast<relation_version>(versions_.size() + 1);
  if (auto kept = keep(definition, version); !kept) return kept.error();
  versions_.push_back(std::make_shared<const relation>(definition));
  newest = version;
  return described{version, *table};
}

std::shared_ptr<const relation> memory_relations::find(relation_version version) const {
  const std::scoped_lock lock(mutex_);
  return version == 0 || version > versions_.size() ? nullptr : versions_[version - 1];
}

bool memory_relations::restore(const table_numbers::entry& known) {
  const std::scoped_lock lock(mutex_);
  return numbers_.restore(known);
}

void memory_relations::restore(const std::string& database) {
  const std::scoped_lock lock(mutex_);
  numbers_.restore_database(database);
}

bool memory_relations::restore(const relation& definition, relation_version version) {
  const std::scoped_lock lock(mutex_);
  const auto table = numbers_.find(definition.oid, definition.table);
  if (version != versions_.size() + 1 || table == 0) return false;
  versions_.push_back(std::make_shared<const relation>(definition));
  newest_[table] = version;
  numbers_.restore_oid(definition.oid, table);
  return true;
}

}  // namespace pulse::log
