// The database's tables and types, read by SQL.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "change/catalog.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// Which publications' tables count as published. They need not exist yet.
struct published_by {
  std::string name;  // for people; of the user's own
  bool own = false;
  std::vector<std::string> streamed;  // Pulse's own, as START_REPLICATION names them
};

// Reads everything in one repeatable-read transaction, so that it fits together. A table that is
// dropped meanwhile is no error.
async_result<std::shared_ptr<const catalog>> read_catalog(connection* database, published_by scope);

// Of the database itself, as catalog::encoding and catalog::database have them.
struct database_facts {
  std::string encoding;
  std::string identity;
};
async_result<database_facts> read_database(connection* database);

struct named_table {
  std::uint32_t oid = 0;
  table_name name;
};
// Whether a catalog with these names and this labels_digest (empty: not known) is the database's no
// more: a table is called otherwise or is gone, or an enum has other labels. One query, for each
// stream that opens: a filter on what has changed would be accepted and never hold.
async_result<bool> is_outdated(connection* database, std::vector<named_table> tables,
                               std::string labels_digest);

}  // namespace pulse::source
