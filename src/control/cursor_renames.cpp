#include "control/cursor_renames.hpp"

#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace pulse::control {

// Two names may be swapped: all rows leave their old names before one arrives under a new one.
result<void> rename_cursors(const sqlite_database& database, std::string_view project,
                            const std::vector<table_rename>& renamed) {
  constexpr const char* columns =
      "name, timeline, commit_lsn, change_lsn, ordinal, created_at_us, moved_at_us, used_at_us, "
      "abandoned_at_us";
  auto made = database.execute(
      "CREATE TEMP TABLE IF NOT EXISTS moving AS SELECT 0 AS step, * FROM cursors LIMIT 0; DELETE "
      "FROM moving");
  if (!made) return made;
  const auto run = [&](const std::string& sql, std::size_t number,
                       const table_name& table) -> result<void> {
    auto prepared = database.prepare(sql);
    if (!prepared) return prepared.error();
    return prepared->bind(static_cast<std::int64_t>(number))
        .bind(project)
        .bind(table.schema)
        .bind(table.name)
        .run();
  };
  const std::string of_table =
      " FROM cursors WHERE project = ?2 AND table_schema = ?3 AND table_name = ?4";
  const auto arrive = [&](const char* more) {
    return fmt::format(
        "INSERT INTO cursors (project, table_schema, table_name, {0}{1}) SELECT ?2, ?3, ?4, {0}{1} "
        "FROM moving WHERE step = ?1 ON CONFLICT DO NOTHING",
        columns, more);
  };
  for (std::size_t i = 0; i < renamed.size(); ++i) {
    if (auto put = run("INSERT INTO moving SELECT ?1, *" + of_table, i, renamed[i].from); !put)
      return put;
  }
  for (std::size_t i = 0; i < renamed.size(); ++i) {
    if (auto left = run("DELETE" + of_table + " AND ?1 = ?1", i, renamed[i].from); !left)
      return left;
  }
  for (std::size_t i = 0; i < renamed.size(); ++i) {
    if (auto arrived = run(arrive(", lease"), i, renamed[i].to); !arrived) return arrived;
  }
  for (std::size_t i = 0; i < renamed.size(); ++i) {
    if (!renamed[i].name_taken) continue;
    // A copy is another name: nobody has a lease on it.
    if (auto stayed = run(arrive(""), i, renamed[i].from); !stayed) return stayed;
  }
  return {};
}

}  // namespace pulse::control
