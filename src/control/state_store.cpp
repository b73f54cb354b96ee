#include "control/state_store.hpp"

#include <array>

#include <fmt/format.h>

#include "control/catalog_json.hpp"
#include "control/cursor_renames.hpp"
#include "control/position_columns.hpp"
#include "control/stored_catalog.hpp"

namespace pulse::control {
namespace {

// Each entry brings the database from one version (PRAGMA user_version) to the next.
constexpr std::array migrations{
    R"(
  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, label TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    created_at_us INTEGER NOT NULL, revoked_at_us INTEGER
  ) STRICT;
  CREATE TABLE cursors (
    project TEXT NOT NULL, table_schema TEXT NOT NULL, table_name TEXT NOT NULL, name TEXT NOT NULL,
    timeline INTEGER NOT NULL, commit_lsn INTEGER NOT NULL, change_lsn INTEGER NOT NULL, ordinal INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL, moved_at_us INTEGER NOT NULL,
    PRIMARY KEY (project, table_schema, table_name, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE facts (
    project TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (project, name)
  ) STRICT, WITHOUT ROWID;)",
    R"(
  CREATE TABLE gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
    after_timeline INTEGER NOT NULL, after_commit_lsn INTEGER NOT NULL,
    after_change_lsn INTEGER NOT NULL, after_ordinal INTEGER NOT NULL,
    through_timeline INTEGER, through_commit_lsn INTEGER, through_change_lsn INTEGER, through_ordinal INTEGER,
    vanished_first TEXT, vanished_last TEXT, vanished_count INTEGER,
    found_at_us INTEGER NOT NULL, accepted_at_us INTEGER, accepted_by TEXT NOT NULL DEFAULT '',
    UNIQUE (project, after_timeline, after_commit_lsn, after_change_lsn, after_ordinal)
  ) STRICT;)",
    R"(
  ALTER TABLE cursors ADD COLUMN used_at_us INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE cursors ADD COLUMN abandoned_at_us INTEGER;
  UPDATE cursors SET used_at_us = moved_at_us;)",
    R"(
  ALTER TABLE gaps ADD COLUMN tables TEXT NOT NULL DEFAULT '';)",
    R"(
  CREATE TABLE catalogs (
    project TEXT NOT NULL, kind INTEGER NOT NULL, oid INTEGER NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (project, kind, oid)
  ) STRICT, WITHOUT ROWID;)",
    R"(
  ALTER TABLE cursors ADD COLUMN lease TEXT NOT NULL DEFAULT '';)"};

// The fact that earlier versions keep the catalog in, whole.
constexpr std::string_view whole_catalog_fact = "catalog";

// errc::not_found: there is none.
result<position> read_cursor(const sqlite_database& database, std::string_view project,
                             const table_name& table, std::string_view name) {
  auto select = database.prepare(
      "SELECT timeline, commit_lsn, change_lsn, ordinal FROM cursors "
      "WHERE project = ? AND table_schema = ? AND table_name = ? AND name = ?");
  if (!select) return select.error();
  const auto row = select->bind(project).bind(table.schema).bind(table.name).bind(name).step();
  if (!row) return row.error();
  if (!*row) return no_cursor(project, table, name);
  return read_position(*select, 0);
}

}  // namespace

result<state_store> state_store::open(const std::string& path, const clock_source& clock) {
  auto database = sqlite_database::open(path);
  if (!database) return database.error();
  state_store opened(std::move(*database), clock);
  if (auto migrated = opened.migrate(); !migrated) return wrap(path, migrated.error());
  return opened;
}

result<void> state_store::migrate() {
  auto asked = database_.prepare("PRAGMA user_version");
  if (!asked) return asked.error();
  if (auto row = asked->step(); !row) return row.error();
  const auto version = static_cast<std::size_t>(asked->number(0));
  if (version > migrations.size()) {
    return error{errc::unsupported,
                 fmt::format("the state database has version {}, and this program knows {}",
                             version, migrations.size()),
                 "use the program that wrote it, or a newer one"};
  }
  for (auto at = version; at < migrations.size(); ++at) {
    const auto sql =
        fmt::format("BEGIN; {} PRAGMA user_version = {}; COMMIT;", migrations[at], at + 1);
    if (auto done = database_.execute(sql); !done) return done.error();
  }
  return {};
}

result<void> state_store::add_key(const api_key& key) {
  auto insert = database_.prepare(
      "INSERT INTO api_keys (id, project, label, hash, created_at_us) VALUES (?, ?, ?, ?, ?) ON "
      "CONFLICT DO NOTHING");
  if (!insert) return insert.error();
  return insert->bind(key.id).bind(key.project).bind(key.label).bind(key.hash).bind(now_us()).run();
}

result<std::vector<api_key>> state_store::keys() {
  auto select = database_.prepare(
      "SELECT id, project, label, hash, created_at_us, revoked_at_us FROM api_keys ORDER BY "
      "created_at_us, id");
  if (!select) return select.error();
  std::vector<api_key> all;
  for (;;) {
    const auto row = select->step();
    if (!row) return row.error();
    if (!*row) return all;
    api_key key{select->text(0), select->text(1), select->text(2),
                select->text(3), select->time(4), {}};
    if (!select->is_null(5)) key.revoked_at = select->time(5);
    all.push_back(std::move(key));
  }
}

result<void> state_store::revoke_key(std::string_view project, std::string_view id) {
  auto update = database_.prepare(
      "UPDATE api_keys SET revoked_at_us = ? WHERE project = ? AND id = ? AND revoked_at_us IS "
      "NULL");
  if (!update) return update.error();
  if (auto done = update->bind(now_us()).bind(project).bind(id).run(); !done) return done;
  if (database_.changes() != 0) return {};
  return error{errc::not_found, fmt::format("no valid API key {} in project {}", id, project),
               "list them with `pulse keys list`"};
}

result<position> state_store::open_cursor(std::string_view project, const table_name& table,
                                          std::string_view name, const position& initial) {
  auto insert = database_.prepare(
      "INSERT INTO cursors (timeline, commit_lsn, change_lsn, ordinal, project, table_schema, "
      "table_name, name, created_at_us, moved_at_us, used_at_us) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  if (!insert) return insert.error();
  bind_position(*insert, initial);
  const auto now = now_us();
  if (auto done = insert->bind(project)
                      .bind(table.schema)
                      .bind(table.name)
                      .bind(name)
                      .bind(now)
                      .bind(now)
                      .bind(now)
                      .run();
      !done) {
    return done.error();
  }
  return read_cursor(database_, project, table, name);
}

template <class Work>
result<void> state_store::in_transaction(Work work) {
  if (auto begun = database_.execute("BEGIN IMMEDIATE"); !begun) return begun;
  const result<void> outcome = work();
  const auto ended = database_.execute(outcome ? "COMMIT" : "ROLLBACK");
  return outcome ? ended : outcome;
}

result<std::vector<position>> state_store::open_cursors(std::string_view project,
                                                        const std::vector<wanted_cursor>& wanted) {
  if (auto now = catch_up(project); !now) return now.error();
  std::vector<position> stand_at;
  stand_at.reserve(wanted.size());
  const auto opened = in_transaction([&]() -> result<void> {
    for (const auto& one : wanted) {
      const auto at = open_cursor(project, one.table, one.name, one.initial);
      if (!at) return at.error();
      stand_at.push_back(*at);
    }
    return {};
  });
  if (!opened) return opened.error();
  return stand_at;
}

result<std::vector<state_store::moved_cursor>> state_store::save_cursors(
    std::string_view project, const std::vector<moved_cursor>& moved) {
  if (auto now = catch_up(project); !now) return now.error();
  auto update = database_.prepare(
      "UPDATE cursors SET timeline = ?1, commit_lsn = ?2, change_lsn = ?3, ordinal = ?4, "
      "used_at_us = ?5, moved_at_us = CASE WHEN (timeline, commit_lsn, change_lsn, ordinal) = "
      "(?1, ?2, ?3, ?4) THEN moved_at_us ELSE ?5 END, lease = coalesce(?10, lease) "
      "WHERE project = ?6 AND table_schema = ?7 AND table_name = ?8 AND name = ?9");
  if (!update) return update.error();
  const auto now = now_us();
  std::vector<moved_cursor> missing;
  const auto saved = in_transaction([&]() -> result<void> {
    for (const auto& one : moved) {
      bind_position(*update, one.at);
      update->bind(now).bind(project).bind(one.table.schema).bind(one.table.name).bind(one.name);
      auto done = (one.lease ? update->bind(*one.lease) : update->bind_null()).run();
      if (!done) return done;
      if (database_.changes() == 0) missing.push_back(one);
    }
    return {};
  });
  if (!saved) return saved.error();
  return missing;
}

result<std::vector<cursor_row>> state_store::cursors(std::string_view project) {
  auto select = database_.prepare(
      "SELECT timeline, commit_lsn, change_lsn, ordinal, table_schema, table_name, name, "
      "moved_at_us, used_at_us, abandoned_at_us, lease FROM cursors "
      "WHERE project = ? ORDER BY table_schema, table_name, name");
  if (!select) return select.error();
  select->bind(project);
  std::vector<cursor_row> all;
  for (;;) {
    const auto row = select->step();
    if (!row) return row.error();
    if (!*row) return all;
    cursor_row one{{select->text(4), select->text(5)},
                   select->text(6),
                   read_position(*select, 0),
                   select->time(7),
                   select->time(8),
                   {},
                   select->text(10)};
    if (!select->is_null(9)) one.abandoned_at = select->time(9);
    all.push_back(std::move(one));
  }
}

error no_cursor(std::string_view project, const table_name& table, std::string_view name) {
  return {errc::not_found,
          fmt::format("no stream {} on {} in project {}", name, to_string(table), project),
          "list them with `pulse streams list`"};
}

result<position> state_store::seek_cursor(std::string_view project, const table_name& table,
                                          std::string_view name, const position& to) {
  if (auto now = catch_up(project); !now) return now.error();
  auto from = read_cursor(database_, project, table, name);
  if (!from) return from.error();
  auto update = database_.prepare(
      "UPDATE cursors SET timeline = ?, commit_lsn = ?, change_lsn = ?, ordinal = ?, moved_at_us = "
      "?, used_at_us = ?, abandoned_at_us = NULL, lease = '' "
      "WHERE project = ? AND table_schema = ? AND table_name = ? AND name = ?");
  if (!update) return update.error();
  bind_position(*update, to);
  const auto now = now_us();
  if (auto done = update->bind(now)
                      .bind(now)
                      .bind(project)
                      .bind(table.schema)
                      .bind(table.name)
                      .bind(name)
                      .run();
      !done) {
    return done.error();
  }
  return from;
}

result<void> state_store::mark_abandoned(std::string_view project, const table_name& table,
                                         std::string_view name, bool abandoned) {
  if (auto now = catch_up(project); !now) return now;
  auto update = database_.prepare(
      "UPDATE cursors SET abandoned_at_us = ? "
      "WHERE project = ? AND table_schema = ? AND table_name = ? AND name = ?");
  if (!update) return update.error();
  const auto at = abandoned ? std::optional<std::int64_t>(now_us()) : std::nullopt;
  return update->bind(at).bind(project).bind(table.schema).bind(table.name).bind(name).run();
}

result<void> state_store::keep_catalog(std::string_view project,
                                       std::shared_ptr<const catalog> known) {
  unsaved_.insert_or_assign(std::string(project), std::move(known));
  return catch_up(project);
}

result<void> state_store::catch_up(std::string_view project) {
  const auto found = unsaved_.find(project);
  if (found == unsaved_.end()) return {};
  const auto kept = in_transaction([&]() -> result<void> {
    const auto before = last_catalog(project);
    if (!before && before.error().code != errc::corrupt) return before.error();
    const auto* known = before ? before->get() : nullptr;
    const auto renamed =
        known != nullptr ? renamed_tables(*known, *found->second) : std::vector<table_rename>();
    if (!renamed.empty()) {
      if (auto followed = rename_cursors(database_, project, renamed); !followed) return followed;
    }
    const auto whole = fact(project, whole_catalog_fact);
    if (!whole) return whole.error();
    if (!*whole && known != nullptr)
      return write_catalog(database_, project, known, *found->second);
    if (auto gone = remove_fact(project, whole_catalog_fact); !gone) return gone;
    return write_catalog(database_, project, nullptr, *found->second);
  });
  if (kept) stored_.insert_or_assign(std::string(project), found->second);
  if (kept) unsaved_.erase(found);
  return kept;
}

result<std::shared_ptr<const catalog>> state_store::last_catalog(std::string_view project) {
  if (const auto known = stored_.find(project); known != stored_.end()) return known->second;
  const auto whole = fact(project, whole_catalog_fact);
  if (!whole) return whole.error();
  if (*whole) return catalog_from_json(**whole);
  return read_catalog(database_, project);
}

result<void> state_store::delete_cursor(std::string_view project, const table_name& table,
                                        std::string_view name) {
  if (auto now = catch_up(project); !now) return now;
  auto remove = database_.prepare(
      "DELETE FROM cursors WHERE project = ? AND table_schema = ? AND table_name = ? AND name = ?");
  if (!remove) return remove.error();
  if (auto done = remove->bind(project).bind(table.schema).bind(table.name).bind(name).run(); !done)
    return done;
  if (database_.changes() != 0) return {};
  return no_cursor(project, table, name);
}

result<void> state_store::set_fact(std::string_view project, std::string_view name,
                                   std::string_view value) {
  auto upsert = database_.prepare(
      "INSERT INTO facts (project, name, value) VALUES (?, ?, ?) ON CONFLICT (project, name) DO "
      "UPDATE SET value = "
      "excluded.value");
  if (!upsert) return upsert.error();
  return upsert->bind(project).bind(name).bind(value).run();
}

result<void> state_store::remove_fact(std::string_view project, std::string_view name) {
  auto remove = database_.prepare("DELETE FROM facts WHERE project = ? AND name = ?");
  if (!remove) return remove.error();
  return remove->bind(project).bind(name).run();
}

result<std::optional<std::string>> state_store::fact(std::string_view project,
                                                     std::string_view name) {
  auto select = database_.prepare("SELECT value FROM facts WHERE project = ? AND name = ?");
  if (!select) return select.error();
  const auto row = select->bind(project).bind(name).step();
  if (!row) return row.error();
  if (!*row) return std::optional<std::string>();
  return std::optional(select->text(0));
}

}  // namespace pulse::control
