// Catalogs that have names alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "change/catalog.hpp"

namespace pulse::control {

// Tables by OID.
inline std::shared_ptr<const catalog> catalog_of(
    const std::vector<std::pair<std::uint32_t, table_name>>& named) {
  auto known = std::make_shared<catalog>();
  for (const auto& [oid, name] : named) {
    auto& table = known->tables.emplace_back();
    table.oid = oid;
    table.name = name;
  }
  std::ranges::sort(known->tables, {}, &catalog_table::name);
  return known;
}

}  // namespace pulse::control
