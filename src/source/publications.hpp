// The publications that Pulse makes for a project: their names, which of them exist, and how they
// are made. docs/decisions/0009-what-is-published.md says why there are so many.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/connection.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// From PostgreSQL 15 on a transaction that has changed a publication keeps it locked to its end:
// so many transactions can make tables at once, and none waits.
inline constexpr int lists_of_a_kind = 8;

// From here on a publication that a transaction has altered is locked to its end.
inline constexpr int locks_publications_version_min = 150000;

// Publishing partitions by their root.
inline constexpr int roots_version_min = 130000;

// Names are at most 63 bytes long. What the project's name contributes holds only [a-z0-9_], so
// that the dot keeps the names of two projects apart.
struct publication_names {
  std::string base;                // pulse_<project>
  std::string all;                 // INSERT and TRUNCATE of every table
  std::vector<std::string> rows;   // UPDATE and DELETE of tables with a usable replica identity
  std::vector<std::string> roots;  // partitioned tables, which their partitions' rows come under
  std::string old;                 // the single publication of earlier versions

  // In the order in which START_REPLICATION names them: PostgreSQL 13 and 14 look for a
  // partition's root only until they have found all four kinds of changes.
  std::vector<std::string> every() const;
};
publication_names publications_of(const source_names& names, int server_version);

// A publication of these names, as pg_publication has it.
struct publication_row {
  std::string name;
  bool for_all_tables = false;
  bool changeable = false;    // the connected role may alter it
  bool has_its_flags = true;  // what it publishes is what Pulse made it for
};
async_result<std::vector<publication_row>> read_publications(connection* database,
                                                             publication_names ours);

// Makes what is missing and sets right what others have altered. `for_all`: with a publication for
// all tables, which needs a superuser; without, every publication is a list of tables. The lists
// are empty at first: see reconcile(). Adds to `report`. errc::unavailable: others hold one that is
// to be altered.
async_result<> make_publications(connection* database, publication_names ours,
                                 std::vector<publication_row> there, bool for_all,
                                 std::vector<finding>* report);

// What START_REPLICATION is to name. On PostgreSQL 12 to 17 it fails when a publication is named
// that is younger than the place where it starts, so during an upgrade the old one alone.
std::vector<std::string> publications_to_stream(const publication_names& ours,
                                                const std::vector<publication_row>& there,
                                                bool upgrading, int server_version);

// What was done, for a report.
finding accomplished(std::string what);

// SQL: whether a row `r` of pg_publication_rel publishes only some rows or columns of its table.
std::string narrowed_sql(int server_version);

// Names as an SQL array of text, for a parameter.
std::string text_array(const std::vector<std::string>& names);

}  // namespace pulse::source
