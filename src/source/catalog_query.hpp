// The database's tables and types, read by SQL: all of them, or those that may have changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "change/catalog.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// Which publications' tables count as published. The publications need not exist yet.
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

// Reads everything in one repeatable-read transaction, so that all facts are of one moment. A table
// that is dropped meanwhile is no error.
async_result<catalog_reading> read_catalog(connection* database, published_by scope);

// Tables and types, by OID, that may differ from a catalog.
struct catalog_part {
  std::vector<std::uint32_t> tables;
  std::vector<std::uint32_t> types;

  bool empty() const { return tables.empty() && types.empty(); }
  void add(const catalog_part& more);
};

// Returns `known` with the current state of the part and of everything that depends on it:
// partitions, tables that exchanged names with these tables, types of columns, collations, and what
// the publications send of the tables. Omits dropped objects. Returns `known` itself if nothing
// differs. Reads as many rows as the part has, however many tables there are.
async_result<catalog_reading> read_changed(connection* database, published_by scope,
                                           std::shared_ptr<const catalog> known, catalog_part part);

// Facts of the database, as in catalog::encoding and catalog::database.
struct database_facts {
  std::string encoding;
  std::string identity;
};
async_result<database_facts> read_database(connection* database);
// Returns what the user's own publication with this name sends. A missing publication counts as
// sending everything.
async_result<publication_facts> read_publication_facts(connection* database, std::string name);

}  // namespace pulse::source
