// Which tables belong into which of Pulse's publications, and putting them there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "change/relation.hpp"
#include "source/connection.hpp"
#include "source/publications.hpp"

namespace pulse::source {

// How a project's publications are kept.
struct publication_upkeep {
  publication_names names;
  bool for_all = false;      // `all` is FOR ALL TABLES; else it is a list too
  bool every_owner = false;  // the connected role may publish any table
};

// SQL: whether the replica identity of the table `c` (a row of pg_class) can be used for UPDATE and
// DELETE: PostgreSQL's own rules (RelationGetReplicaIndex), from the catalog alone, so that nothing
// is locked. With virtual generated columns FULL cannot be used (PostgreSQL 18: such columns are
// not published; manual, "Generated Column Replication").
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
// The first twenty of them, for people.
std::string misplaced_names(const std::vector<misplaced_table>& tables);

// One query. Empty: all is as it should be.
async_result<std::vector<misplaced_table>> find_misplaced(connection* database,
                                                          publication_upkeep kept);

struct reconciled {
  std::vector<misplaced_table> done;
  std::vector<misplaced_table> left;  // others hold the table or the publications
};
// Puts tables where they belong: one table in a transaction, waiting 200 ms for a lock at most, so
// that nobody waits longer behind it. A table whose identity was lost meanwhile is not listed.
async_result<reconciled> reconcile(connection* database, publication_upkeep kept);

}  // namespace pulse::source
