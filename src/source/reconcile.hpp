// Decides which tables belong into which of Pulse's publications, and moves them there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "change/relation.hpp"
#include "source/connection.hpp"
#include "source/publications.hpp"

namespace pulse::source {

// How Pulse maintains a project's publications.
struct publication_upkeep {
  publication_names names;
  bool for_all = false;      // `all` is FOR ALL TABLES; else it is a list too
  bool every_owner = false;  // the connected role may publish any table
};

// SQL: whether the replica identity of the table `c` (a row of pg_class) is usable for UPDATE and
// DELETE, by PostgreSQL's own rules (RelationGetReplicaIndex). Reads the catalog alone, and locks
// nothing. With virtual generated columns, FULL is not usable (PostgreSQL 18; manual, "Generated
// Column Replication").
std::string usable_identity_sql();

struct misplaced_table {
  std::uint32_t oid = 0;
  table_name name;
  enum class need {
    rows,     // to be listed for UPDATE and DELETE
    no_rows,  // not to be: its identity cannot be used
    root,     // to be listed as a partitioned table
    inserts,  // to be listed for INSERT and TRUNCATE
    whole,    // is listed with a filter or some columns only
  } what = need::rows;

  bool operator==(const misplaced_table&) const = default;
};
// Returns the first twenty names, for people.
std::string misplaced_names(const std::vector<misplaced_table>& tables);

// Runs one query. Empty: no table is misplaced.
async_result<std::vector<misplaced_table>> find_misplaced(connection* database,
                                                          publication_upkeep kept);

struct reconciled {
  std::vector<misplaced_table> done;
  std::vector<misplaced_table> left;  // others hold the table or the publications
};
// Moves tables to their publications, one table in a transaction, waiting 200 ms at most for a
// lock, so that no session in the lock's queue waits longer. Does not list a table whose
// identity was lost meanwhile.
async_result<reconciled> reconcile(connection* database, publication_upkeep kept);

}  // namespace pulse::source
