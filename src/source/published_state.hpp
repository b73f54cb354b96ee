// What a project's publications send, as in PostgreSQL's catalog at one moment, and which changes
// PostgreSQL may not have sent between two moments.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "change/relation.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// A row of the catalog, and the transaction that wrote it. Both differ after a change that was
// undone, too. `writer` wraps around (manual, section 25.1.5): it is only ever compared.
struct catalog_row {
  std::uint32_t oid = 0;
  std::uint32_t writer = 0;

  bool operator==(const catalog_row&) const = default;
  auto operator<=>(const catalog_row&) const = default;
};

enum class published_action { insert, update, remove, truncate };
inline constexpr std::size_t published_action_count = 4;
using published_actions = std::array<bool, published_action_count>;

struct published_list_entry {
  catalog_row row;  // of pg_publication_rel, or of pg_publication_namespace
  std::uint32_t table = 0;
  table_name name;
  bool partial = false;    // a row filter or a list of columns
  bool partition = false;  // of another table, whose name its changes may come under

  bool operator==(const published_list_entry&) const = default;
  auto operator<=>(const published_list_entry&) const = default;
};

struct publication_state {
  catalog_row row;
  std::string name;
  bool for_all_tables = false;
  published_actions sends{};
  bool via_root = false;
  std::vector<published_list_entry> tables;  // sorted

  bool operator==(const publication_state&) const = default;
};

struct published_state {
  std::vector<publication_state> publications;  // by name
  // Pulse's enabled event triggers, by OID. While they are the same, new and dropped tables are
  // listed in the transaction of the statement.
  std::vector<catalog_row> triggers;

  bool operator==(const published_state&) const = default;
};

// Reads in two queries. `publications` need not exist. `triggers`: the names of Pulse's event
// triggers.
async_result<published_state> read_published_state(connection* database,
                                                   std::vector<std::string> publications,
                                                   std::vector<std::string> triggers);

// A table that exists now.
struct present_table {
  std::uint32_t oid = 0;
  table_name name;
  bool logged = true;       // else nothing that is written into it is sent
  bool under_root = false;  // its changes come as those of a partitioned table
  bool has_listed_root =
      false;  // a partitioned table above it is listed, and its changes with that

  // Returns whether it is the same table, whatever its present properties.
  bool operator==(const present_table& other) const {
    return oid == other.oid && name == other.name;
  }
};
using present_tables = std::vector<present_table>;

// "public.a, public.b and 3 more"
std::string names_of(const present_tables& tables);

// Returns every table that can be published and is no system table.
async_result<present_tables> read_all_tables(connection* database,
                                             std::vector<std::string> publications);

// Returns the existing ones of these tables and of those that have their names now. `publications`:
// those by whose roots partitions may be published.
async_result<present_tables> read_present_tables(connection* database, present_tables known,
                                                 std::vector<std::string> publications);

// Changes that PostgreSQL may not have sent.
struct unsent_changes {
  bool of_every_table = false;
  present_tables tables;          // otherwise
  published_actions actions{};    // which kinds
  bool publication_gone = false;  // one was dropped: what was written while it was there, too
  bool as_partition = false;      // the tables' changes come as those of a partitioned table
  std::string reason;             // one line for people

  bool operator==(const unsent_changes&) const = default;
};

// Compares two states of the same database, the second one later. A table counts if it was sent
// whole before and is not sent whole by the very same entry now: PostgreSQL may not have sent
// changes in between, even if another entry sends them now. A table counts under its former name: a
// created or renamed table under the name of a sent one is compared in its place. A table that was
// never sent is no loss. `present` has the tables at the second state. Returns one entry for each
// set of kinds that tables have lost, because a loss ends only when all of its entry is sent again.
// No I/O.
std::vector<unsent_changes> find_unsent(const published_state& before, const published_state& now,
                                        const present_tables& present);

// Returns whether all of it is sent whole again, under the tables' own names if they had lost
// these, or its table was dropped.
bool is_sent_again(const unsent_changes& lost, const published_state& now,
                   const present_tables& present);

// Returns, if a part is sent whole again, the tables that are still not. For a loss of every table,
// `present` must have all tables.
std::optional<present_tables> find_left_out(const unsent_changes& lost, const published_state& now,
                                            const present_tables& present);

}  // namespace pulse::source
