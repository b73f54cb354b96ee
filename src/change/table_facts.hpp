// What the catalog says of a table and the stream of changes does not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "change/collation.hpp"
#include "change/relation.hpp"

namespace pulse {

struct column_facts {
  std::optional<collation> collated_by;  // of text
  std::vector<std::string> labels;       // of an enum or a list of one, in the enum's order
  bool generated = false;                // and so not replicated
  std::uint32_t type_oid = 0;            // the column's
  std::string base_type = {};            // its type's name, domains and lists taken away

  bool operator==(const column_facts&) const = default;
};

// As they were when the catalog was read: a collation that ALTER TABLE changes later shows in the
// next reading. Immutable once made: shared between threads.
struct table_facts {
  std::map<std::string, column_facts, std::less<>> columns;
  std::optional<collation> database;  // the database's own rules
  std::string encoding;               // of the database: "UTF8"

  bool operator==(const table_facts&) const = default;
};

// A table as it is known now.
struct table_shape {
  std::shared_ptr<const relation> definition;
  std::shared_ptr<const table_facts> facts;  // null: not known
};

}  // namespace pulse
