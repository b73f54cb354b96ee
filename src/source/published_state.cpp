#include "source/published_state.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "source/numbers.hpp"
#include "source/publications.hpp"

namespace pulse::source {
namespace {

// Columns that a version does not have are asked for as JSON.
constexpr const char* publication_rows_sql = R"(
  SELECT p.oid, p.xmin, p.pubname, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
         COALESCE(to_jsonb(p) ->> 'pubviaroot', 'false') = 'true'
  FROM pg_publication p WHERE p.pubname = ANY ($1::text[])
  UNION ALL
  SELECT e.oid, e.xmin, NULL, false, false, false, false, false, false
  FROM pg_event_trigger e WHERE e.evtname = ANY ($2::text[]) AND e.evtenabled <> 'D'
  ORDER BY 3, 1)";

constexpr const char* listed_tables_sql = R"(
  SELECT r.prpubid, r.oid, r.xmin, c.oid, n.nspname, c.relname,
         {}, c.relispartition
  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE p.pubname = ANY ($1::text[]))";
constexpr const char* listed_schemas_sql = R"(
  UNION ALL
  SELECT s.pnpubid, s.oid, s.xmin, c.oid, n.nspname, c.relname, false, c.relispartition
  FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid
  JOIN pg_namespace n ON n.oid = s.pnnspid
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
  WHERE p.pubname = ANY ($1::text[]))";
constexpr int listed_schemas_version_min = 150000;

// What sends a table's changes of one kind whole.
struct grant {
  catalog_row publication;
  catalog_row entry;  // empty: the publication is for all tables

  auto operator<=>(const grant&) const = default;
};
using grants = std::set<grant>;

class coverage {
 public:
  explicit coverage(const published_state& state) {
    for (const auto& publication : state.publications) {
      for (std::size_t action = 0; action < published_action_count; ++action) {
        if (!publication.sends[action]) continue;
        if (publication.for_all_tables) every_[action].insert({publication.row, {}});
        for (const auto& entry : publication.tables) {
          if (!entry.partial) by_table_[action][entry.table].insert({publication.row, entry.row});
        }
      }
    }
  }

  const grants& every(std::size_t action) const { return every_[action]; }
  const grants& of(std::size_t action, std::uint32_t table) const {
    static const grants none;
    const auto found = by_table_[action].find(table);
    return found == by_table_[action].end() ? none : found->second;
  }
  bool sends(std::size_t action, std::uint32_t table) const {
    return !every_[action].empty() || !of(action, table).empty();
  }

 private:
  std::array<grants, published_action_count> every_;
  std::array<std::map<std::uint32_t, grants>, published_action_count> by_table_;
};

bool share(const grants& before, const grants& now) {
  return std::ranges::any_of(before, [&](const auto& one) { return now.contains(one); });
}

std::string names_of(const published_actions& actions) {
  constexpr std::array<std::string_view, published_action_count> words{"INSERT", "UPDATE", "DELETE",
                                                                       "TRUNCATE"};
  std::string names;
  for (std::size_t i = 0; i < published_action_count; ++i) {
    if (actions[i]) names += (names.empty() ? "" : ", ") + std::string(words[i]);
  }
  return names;
}

// The tables at the second look, by what they are asked for.
class tables_now {
 public:
  explicit tables_now(const present_tables& present) {
    for (const auto& table : present) {
      by_oid_.emplace(table.oid, &table);
      by_name_.emplace(table.name, &table);
    }
  }

  // Those that stand for one that was listed: itself, and whatever has its name now.
  std::vector<const present_table*> heirs(const published_list_entry& listed) const {
    std::vector<const present_table*> found;
    const auto self = by_oid_.find(listed.table);
    if (self != by_oid_.end()) found.push_back(self->second);
    const auto namesake = by_name_.find(listed.name);
    if (namesake != by_name_.end() && namesake->second->oid != listed.table)
      found.push_back(namesake->second);
    return found;
  }

  const present_table* find(std::uint32_t oid) const {
    const auto found = by_oid_.find(oid);
    return found == by_oid_.end() ? nullptr : found->second;
  }

 private:
  std::map<std::uint32_t, const present_table*> by_oid_;
  std::map<table_name, const present_table*> by_name_;
};

class comparison {
 public:
  comparison(const published_state& before, const published_state& now)
      : before_(before),
        now_(now),
        triggers_stayed_(!before.triggers.empty() && before.triggers == now.triggers) {}

  // A kind of changes that were sent of every table.
  bool is_lost(std::size_t action) const {
    return !before_.every(action).empty() && !share(before_.every(action), now_.every(action));
  }

  bool is_lost(std::size_t action, const published_list_entry& listed,
               const present_table& heir) const {
    // Sent all the time with all others.
    if (share(before_.every(action), now_.every(action))) return false;
    if (!before_.sends(action, listed.table)) return false;
    if (heir.oid == listed.table) {
      return !share(before_.of(action, listed.table), now_.of(action, listed.table));
    }
    // Another table under the name: listed in the transaction that made it, or some time later.
    return !(triggers_stayed_ && now_.sends(action, heir.oid));
  }

 private:
  coverage before_;
  coverage now_;
  bool triggers_stayed_;
};

// Which kinds of changes each table has perhaps lost, those that every table has lost included.
std::map<const present_table*, published_actions> tables_lost(const published_state& before,
                                                              const comparison& compared,
                                                              const tables_now& tables) {
  std::map<const present_table*, published_actions> lost;
  for (const auto& publication : before.publications) {
    for (const auto& listed : publication.tables) {
      if (listed.partial) continue;
      for (const auto* heir : tables.heirs(listed)) {
        for (std::size_t action = 0; action < published_action_count; ++action) {
          if (publication.sends[action] && compared.is_lost(action, listed, *heir))
            lost[heir][action] = true;
        }
      }
    }
  }
  return lost;
}

published_actions without(published_actions all, const published_actions& some) {
  for (std::size_t i = 0; i < published_action_count; ++i) all[i] = all[i] && !some[i];
  return all;
}

constexpr const char* present_sql = R"(
  SELECT c.oid, n.nspname, c.relname, c.relpersistence = 'p',
         above.by_root, above.by_root IS NOT NULL
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
    SELECT bool_or(COALESCE(to_jsonb(p) ->> 'pubviaroot', 'false') = 'true') AS by_root
    FROM pg_partition_ancestors(c.oid) a
    JOIN pg_publication_rel r ON r.prrelid = a.relid JOIN pg_publication p ON p.oid = r.prpubid
    WHERE a.relid <> c.oid AND p.pubname = ANY ($4::text[])) above ON c.relispartition
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND ($1::oid[] IS NULL AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg@_%' ESCAPE '@'
         OR c.oid = ANY ($1::oid[])
         OR (n.nspname, c.relname) IN (SELECT s::name, t::name FROM unnest($2::text[], $3::text[]) known (s, t))))";

present_tables tables_in(const query_rows& rows) {
  present_tables present;
  for (const auto& row : rows.rows()) {
    present_table one;
    one.oid = number_in<std::uint32_t>(row[0]);
    one.name = {row[1].value_or(""), row[2].value_or("")};
    one.logged = row[3] == "t";
    one.under_root = row[4] == "t";
    one.has_listed_root = row[5] == "t";
    present.push_back(std::move(one));
  }
  return present;
}

}  // namespace

std::string names_of(const present_tables& tables) {
  constexpr std::size_t named_max = 5;
  std::string names;
  for (std::size_t i = 0; i < std::min(tables.size(), named_max); ++i)
    names += (i == 0 ? "" : ", ") + to_string(tables[i].name);
  if (tables.size() > named_max) names += fmt::format(" and {} more", tables.size() - named_max);
  return names;
}

async_result<present_tables> read_present_tables(connection* database, present_tables known,
                                                 std::vector<std::string> publications) {
  std::vector<std::string> oids;
  std::vector<std::string> schemas;
  std::vector<std::string> names;
  for (const auto& table : known) {
    oids.push_back(std::to_string(table.oid));
    schemas.push_back(table.name.schema);
    names.push_back(table.name.name);
  }
  const auto found = co_await database->query(
      present_sql,
      with(text_array(oids), text_array(schemas), text_array(names), text_array(publications)));
  if (!found) co_return wrap("looking for tables that were published", found.error());
  co_return tables_in(*found);
}

async_result<present_tables> read_all_tables(connection* database,
                                             std::vector<std::string> publications) {
  const auto found = co_await database->query(
      present_sql, with(std::nullopt, std::nullopt, std::nullopt, text_array(publications)));
  if (!found) co_return wrap("looking for the tables that there are", found.error());
  co_return tables_in(*found);
}

async_result<published_state> read_published_state(connection* database,
                                                   std::vector<std::string> publications,
                                                   std::vector<std::string> triggers) {
  const auto names = text_array(publications);
  const auto found =
      co_await database->query(publication_rows_sql, with(names, text_array(triggers)));
  if (!found) co_return wrap("reading the publications", found.error());
  auto tables =
      fmt::format(fmt::runtime(listed_tables_sql), narrowed_sql(database->server_version()));
  if (database->server_version() >= listed_schemas_version_min) tables += listed_schemas_sql;
  const auto listed = co_await database->query(tables + " ORDER BY 1, 2, 4", with(names));
  if (!listed) co_return wrap("reading the publications' tables", listed.error());
  published_state state;
  for (const auto& row : found->rows()) {
    const catalog_row self{number_in<std::uint32_t>(row[0]), number_in<std::uint32_t>(row[1])};
    if (!row[2]) {
      state.triggers.push_back(self);
      continue;
    }
    publication_state one;
    one.row = self;
    one.name = *row[2];
    one.for_all_tables = row[3] == "t";
    for (std::size_t i = 0; i < published_action_count; ++i) one.sends[i] = row[4 + i] == "t";
    one.via_root = row[8] == "t";
    state.publications.push_back(std::move(one));
  }
  for (const auto& row : listed->rows()) {
    const auto publication =
        std::ranges::find(state.publications, number_in<std::uint32_t>(row[0]),
                          [](const publication_state& one) { return one.row.oid; });
    // Made between the two queries: the next look has it.
    if (publication == state.publications.end()) continue;
    published_list_entry entry;
    entry.row = {number_in<std::uint32_t>(row[1]), number_in<std::uint32_t>(row[2])};
    entry.table = number_in<std::uint32_t>(row[3]);
    entry.name = {row[4].value_or(""), row[5].value_or("")};
    entry.partial = row[6] == "t";
    entry.partition = row[7] == "t";
    publication->tables.push_back(std::move(entry));
  }
  co_return state;
}

std::vector<unsent_changes> find_unsent(const published_state& before, const published_state& now,
                                        const present_tables& present) {
  if (before == now) return {};
  const comparison compared(before, now);
  published_actions of_every{};
  for (std::size_t action = 0; action < published_action_count; ++action)
    of_every[action] = compared.is_lost(action);
  std::map<published_actions, unsent_changes> found;
  if (of_every != published_actions{}) found[of_every].of_every_table = true;
  for (const auto& [table, actions] : tables_lost(before, compared, tables_now(present))) {
    const auto beside = without(actions, of_every);
    if (beside != published_actions{}) found[beside].tables.push_back(*table);
  }
  const bool gone = std::ranges::any_of(before.publications, [&](const auto& one) {
    return std::ranges::none_of(now.publications,
                                [&](const auto& other) { return other.row.oid == one.row.oid; });
  });
  std::vector<unsent_changes> lost;
  for (auto& [actions, one] : found) {
    std::ranges::sort(one.tables, {}, &present_table::name);
    one.actions = actions;
    one.publication_gone = gone;
    one.reason = fmt::format(
        "PostgreSQL did not send every {} of {}: its publication was altered or dropped, or the "
        "table was recreated",
        names_of(actions), one.of_every_table ? "all tables" : names_of(one.tables));
    lost.push_back(std::move(one));
  }
  return lost;
}

bool is_sent_again(const unsent_changes& lost, const published_state& now,
                   const present_tables& present) {
  const coverage sent(now);
  const tables_now tables(present);
  for (std::size_t action = 0; action < published_action_count; ++action) {
    if (!lost.actions[action]) continue;
    if (lost.of_every_table) {
      if (sent.every(action).empty()) return false;
      continue;
    }
    for (const auto& table : lost.tables) {
      const auto* now_there = tables.find(table.oid);
      if (now_there == nullptr) continue;
      if (!now_there->logged || !sent.sends(action, table.oid)) return false;
      if (lost.as_partition && now_there->under_root) return false;
    }
  }
  return true;
}

std::optional<present_tables> find_left_out(const unsent_changes& lost, const published_state& now,
                                            const present_tables& present) {
  const coverage sent(now);
  const tables_now tables(present);
  bool any = false;
  present_tables left;
  for (const auto& one : lost.of_every_table ? present : lost.tables) {
    const auto* now_there = tables.find(one.oid);
    if (now_there == nullptr) continue;
    // Unlogged tables were never sent; a partition is, as long as the table above it is.
    if (lost.of_every_table && (!now_there->logged || now_there->has_listed_root)) continue;
    bool whole = now_there->logged && !(lost.as_partition && now_there->under_root);
    for (std::size_t action = 0; action < published_action_count; ++action)
      whole = whole && (!lost.actions[action] || sent.sends(action, one.oid));
    any = any || whole;
    if (!whole) left.push_back(*now_there);
  }
  return any ? std::optional(std::move(left)) : std::nullopt;
}

}  // namespace pulse::source
