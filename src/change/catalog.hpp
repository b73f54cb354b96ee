// A database's content at one moment: tables and types, read by SQL and passed on as plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "change/collation.hpp"
#include "change/relation.hpp"
#include "change/type_catalog.hpp"

namespace pulse {

// A column as the catalog has it.
struct catalog_column {
  std::string name;
  std::uint32_t type_oid = 0;
  std::int32_t type_modifier = -1;
  bool not_null = false;
  bool generated = false;           // GENERATED ALWAYS AS …
  std::uint32_t collation_oid = 0;  // of text; 0: the type is not collated
  bool in_replica_index = false;    // of the index that REPLICA IDENTITY USING INDEX names
  bool replicated = true;           // by the publication, as far as it has the table

  bool operator==(const catalog_column&) const = default;
};

struct catalog_table {
  std::uint32_t oid = 0;
  table_name name;
  replica_identity identity = replica_identity::primary_key;
  std::vector<std::string> primary_key;  // column names in key order; empty: keyless
  std::vector<catalog_column> columns;
  bool published = false;  // by the project's publication, under this name
  table_name root;         // of a partition: the partitioned table at the top; else empty
  bool partitioned = false;

  bool operator==(const catalog_table&) const = default;
};

// What the project's publication sends of its tables.
struct publication_facts {
  std::string name;
  bool inserts = true;
  bool updates = true;
  bool deletes = true;
  bool truncates = true;

  bool operator==(const publication_facts&) const = default;
};

// Immutable once made: shared between threads as std::shared_ptr<const catalog>.
struct catalog {
  std::vector<catalog_table> tables;  // sorted by name
  type_catalog types;
  // Those that columns use, by OID; the database's own rules under default_collation_oid.
  std::map<std::uint32_t, collation> collations = {};
  std::string encoding = {};  // of the database: "UTF8"
  std::string database = {};  // tells it from any other: OIDs mean something within one only
  publication_facts publication = {};

  const catalog_table* find(const table_name& name) const;
  // Every table of this name, whatever its schema.
  std::vector<const catalog_table*> find_in_any_schema(std::string_view name) const;
};

struct table_rename {
  table_name from;
  table_name to;
  bool name_taken = false;  // another table is called `from` now

  bool operator==(const table_rename&) const = default;
};

// Returns the tables that have another name now than before. Empty for another database.
std::vector<table_rename> renamed_tables(const catalog& before, const catalog& now);

}  // namespace pulse
