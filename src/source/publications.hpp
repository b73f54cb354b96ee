// The publications that Pulse creates for a project: names, state, creation.
// docs/decisions/0009-what-is-published.md has the reasons for their number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/connection.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// From PostgreSQL 15 on, a transaction that has changed a publication locks it until it ends. With
// this number of lists, as many transactions can create tables at once without waiting.
inline constexpr int lists_of_a_kind = 8;

// From this version on, a publication that a transaction has altered is locked until the
// transaction ends.
inline constexpr int locks_publications_version_min = 150000;

// Publishing partitions by their root.
inline constexpr int roots_version_min = 130000;

// Names have at most 63 bytes. The project's part has only [a-z0-9_], so that the dot separates the
// names of different projects.
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

// A publication with one of these names, as in pg_publication.
struct publication_row {
  std::string name;
  bool for_all_tables = false;
  bool changeable = false;    // the connected role may alter it
  bool has_its_flags = true;  // what it publishes is what Pulse made it for
};
async_result<std::vector<publication_row>> read_publications(connection* database,
                                                             publication_names ours);

// Creates missing publications and corrects altered ones. `for_all`: with a publication for all
// tables, which needs a superuser; otherwise every publication is a list of tables. Lists are empty
// at first: see reconcile(). Adds to `report`. errc::unavailable: another session locks a
// publication that must be altered.
async_result<> make_publications(connection* database, publication_names ours,
                                 std::vector<publication_row> there, bool for_all,
                                 std::vector<finding>* report);

// Returns the publications to name in START_REPLICATION. On PostgreSQL 12 to 17 it fails if one is
// younger than the start position, so during an upgrade this is the old one alone.
std::vector<std::string> publications_to_stream(const publication_names& ours,
                                                const std::vector<publication_row>& there,
                                                bool upgrading, int server_version);

// Reports a completed step.
finding accomplished(std::string what);

// SQL: whether a row `r` of pg_publication_rel publishes only some rows or columns of its table.
std::string narrowed_sql(int server_version);

// Names as an SQL array of text, for a parameter.
std::string text_array(const std::vector<std::string>& names);

}  // namespace pulse::source
