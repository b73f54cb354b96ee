// The SQL that reads a catalog: all of it, or a part.
#pragma once

#include <string>

namespace pulse::source {

struct catalog_sql {
  std::string tables;
  std::string columns;
  std::string types;
  std::string labels;
  std::string attributes;  // of composite types
  std::string collations;
};

// `own`: the publication is the user's own. $1 of `tables`, and of the columns of an own
// publication: its name, or the names of Pulse's own as an array.
catalog_sql whole_catalog_sql(bool own, int server_version);

// The same columns for a part. $2 of `tables` and of the columns of an own publication, $1 of other
// columns: the OIDs of the tables; $3 of `tables` of Pulse's publications: these and their
// ancestors. $1 of the others: the OIDs of the types, or of the collations.
catalog_sql part_of_catalog_sql(bool own, int server_version);

// SQL: the given tables ($1: OIDs) with their descendants ($2: of some of them), which are
// published under their names, and with their ancestors, for which the second column is true. Locks
// none of them.
std::string family_sql();
// SQL: the tables that have these names now ($1: schemas, $2: names).
std::string named_so_sql();
// SQL: the given types ($1: OIDs) with all types that they consist of.
std::string held_types_sql();

}  // namespace pulse::source
