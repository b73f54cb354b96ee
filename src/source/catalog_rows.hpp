// The answers to the catalog's SQL (catalog_sql.hpp) as plain values.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "change/catalog.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// Sorted by name.
std::vector<catalog_table> tables_in(const query_rows& tables, const query_rows& columns);
std::map<std::uint32_t, collation> collations_in(const query_rows& read);
std::vector<type_entry> types_in(const query_rows& types, const query_rows& labels,
                                 const query_rows& attributes);

}  // namespace pulse::source
