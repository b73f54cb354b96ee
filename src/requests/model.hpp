// A consumer's view of a table: which fields it wants and what it calls them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "change/relation.hpp"

namespace pulse::requests {

// An enum's labels in the database, and Prisma's names for them where they differ.
using enum_labels = std::map<std::string, std::string, std::less<>>;

struct model_field {
  std::string name;      // Prisma's name: the key in delivered rows
  std::string column;    // the column's name (dbName, or the same)
  std::string type;      // Prisma's type name ("Int", "DateTime", an enum's name); may be empty
  bool is_list = false;  // as the header says; PostgreSQL knows better
  std::shared_ptr<const enum_labels> labels = nullptr;  // null: labels are delivered as they are

  bool operator==(const model_field&) const = default;
};

// Scalar and enum fields only: relations hold no column.
struct model {
  std::string name;    // "User": modelName on the wire
  std::string table;   // dbName, or the same as `name`
  std::string schema;  // as the header says; empty: not said
  std::vector<model_field> fields;

  bool operator==(const model&) const = default;
};

// The model of a stream without one: every column of the table, under its own name.
model every_column(const relation& table);

// Equal models share rendered frames. The whole model's text form, for use as a map key.
std::string fingerprint(const model& wanted);

}  // namespace pulse::requests
