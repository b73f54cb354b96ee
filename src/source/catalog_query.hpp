// The database's tables and types, read by SQL: all of them, or those that may have changed.
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

struct catalog_reading {
  std::shared_ptr<const catalog> known;
  std::uint64_t rows = 0;  // that the database has sent
  lsn before;              // what was read had committed before
};

// Reads everything in one repeatable-read transaction, so that it fits together. A table that is
// dropped meanwhile is no error.
async_result<catalog_reading> read_catalog(connection* database, published_by scope);

// Tables and types, by OID, that may be others than a catalog says.
struct catalog_part {
  std::vector<std::uint32_t> tables;
  std::vector<std::uint32_t> types;

  bool empty() const { return tables.empty() && types.empty(); }
  void add(const catalog_part& more);
};

// `known` with the part as it is now, and with it all that hangs on it: partitions, the tables that
// have taken these tables' names or whose names these have taken, the types that columns consist
// of, collations, what the publications send of the tables. What is gone is left out. What the
// tables' shapes rest on is read as it is, whatever `known` says of it; when that is all the same,
// `known` itself is given back. As many rows as that has, however many tables there are.
async_result<catalog_reading> read_changed(connection* database, published_by scope,
                                           std::shared_ptr<const catalog> known, catalog_part part);

// Of the database itself, as catalog::encoding and catalog::database have them.
struct database_facts {
  std::string encoding;
  std::string identity;
};
async_result<database_facts> read_database(connection* database);
// What the user's own publication of this name sends. One that is not there sends everything.
async_result<publication_facts> read_publication_facts(connection* database, std::string name);

}  // namespace pulse::source
