// The database's tables and types, read by SQL.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "change/catalog.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// Reads everything in one repeatable-read transaction, so that it fits together. `publication` says
// which tables count as published; it need not exist yet.
async_result<std::shared_ptr<const catalog>> read_catalog(connection* database,
                                                          std::string publication);

// True: a table has another name than this or is gone, or an enum has other labels than `known`
// says. One query, for each stream that opens: what it finds is what was seen to go stale
// unnoticed, since a filter on it is accepted and never holds.
struct named_table {
  std::uint32_t oid = 0;
  table_name name;
};
async_result<bool> is_outdated(connection* database, const catalog* known,
                               std::vector<named_table> tables);

}  // namespace pulse::source
