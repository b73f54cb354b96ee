#include "change/catalog.hpp"

#include <algorithm>

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

}  // namespace pulse
