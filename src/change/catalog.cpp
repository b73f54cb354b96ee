#include "change/catalog.hpp"

#include <algorithm>
#include <unordered_map>

namespace pulse {

const catalog_table* catalog::find(const table_name& name) const {
  const auto found = std::ranges::lower_bound(tables, name, {}, &catalog_table::name);
  return found != tables.end() && found->name == name ? &*found : nullptr;
}

std::vector<const catalog_table*> catalog::find_in_any_schema(std::string_view name) const {
  std::vector<const catalog_table*> found;
  for (const auto& table : tables) {
    if (table.name.name == name) found.push_back(&table);
  }
  return found;
}

std::vector<table_rename> renamed_tables(const catalog& before, const catalog& now) {
  std::vector<table_rename> renamed;
  if (before.database != now.database) return renamed;
  std::unordered_map<std::uint32_t, const table_name*> names;
  for (const auto& table : now.tables) names.emplace(table.oid, &table.name);
  for (const auto& table : before.tables) {
    const auto found = names.find(table.oid);
    if (found == names.end() || *found->second == table.name) continue;
    renamed.push_back({table.name, *found->second, now.find(table.name) != nullptr});
  }
  return renamed;
}

}  // namespace pulse
