// The small mutable state of all projects, in one SQLite file that people can open with their own
// tools.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/catalog.hpp"
#include "change/position.hpp"
#include "change/relation.hpp"
#include "control/gap_table.hpp"
#include "control/sqlite.hpp"

namespace pulse::control {

struct api_key {
  std::string id;
  std::string project;
  std::string label;
  std::string hash;  // see key_ring.hpp
  unix_time_us created_at{};
  std::optional<unix_time_us> revoked_at;
};

struct cursor_row {
  table_name table;
  std::string name;
  position at;
  unix_time_us moved_at{};
  unix_time_us used_at{};                    // somebody had the name open
  std::optional<unix_time_us> abandoned_at;  // nobody had for too long
  std::string lease;                         // empty: nobody has one
};

// errc::not_found, for a cursor that does not exist.
error no_cursor(std::string_view project, const table_name& table, std::string_view name);

// One owner: the control thread, or start-up before there is one. What returns without an error is
// durable.
class state_store {
 public:
  // Opens the store; creates it if it is missing, and upgrades an older one to this program's
  // version.
  static result<state_store> open(const std::string& path, const clock_source& clock);

  result<void> add_key(const api_key& key);
  result<std::vector<api_key>> keys();
  // errc::not_found: no such key, or revoked already.
  result<void> revoke_key(std::string_view project, std::string_view id);

  // The stored cursor; made at `initial` when there is none.
  result<position> open_cursor(std::string_view project, const table_name& table,
                               std::string_view name, const position& initial);
  // The same for several in one transaction, which is synced once. Returns their positions, in
  // their order.
  struct wanted_cursor {
    table_name table;
    std::string name;
    position initial;
  };
  result<std::vector<position>> open_cursors(std::string_view project,
                                             const std::vector<wanted_cursor>& wanted);
  // In one transaction; the names count as used now. Returns those without a cursor, which stay
  // without one: they were deleted meanwhile, unless the caller knows better.
  struct moved_cursor {
    table_name table;
    std::string name;
    position at;
    std::optional<std::string> lease = {};  // nothing: what is stored stays
  };
  result<std::vector<moved_cursor>> save_cursors(std::string_view project,
                                                 const std::vector<moved_cursor>& moved);
  result<std::vector<cursor_row>> cursors(std::string_view project);
  // Moves the cursor wherever it stood, ends its lease, and takes the mark of an abandoned one
  // away. Gives where it stood. errc::not_found: there is none.
  result<position> seek_cursor(std::string_view project, const table_name& table,
                               std::string_view name, const position& to);
  // A deleted cursor stays deleted.
  result<void> mark_abandoned(std::string_view project, const table_name& table,
                              std::string_view name, bool abandoned);
  // Stores the catalog as the last known one and moves cursors with tables that have other names in
  // it than in the previous one, in one transaction (cursor_renames.hpp). A catalog that could not
  // be stored is stored before anything else happens to the project's cursors. Until then they
  // cannot be opened, saved or moved, because names in use are new ones.
  result<void> keep_catalog(std::string_view project, std::shared_ptr<const catalog> known);
  // The last one that was stored; null: none. errc::corrupt: it cannot be read.
  result<std::shared_ptr<const catalog>> last_catalog(std::string_view project);
  // errc::not_found: there is none.
  result<void> delete_cursor(std::string_view project, const table_name& table,
                             std::string_view name);

  gap_table gaps() const { return {database_, clock_->now()}; }

  // Small facts of a project: its source lineage, whether its slot was created.
  result<void> set_fact(std::string_view project, std::string_view name, std::string_view value);
  result<std::optional<std::string>> fact(std::string_view project, std::string_view name);

 private:
  state_store(sqlite_database database, const clock_source& clock)
      : database_(std::move(database)), clock_(&clock) {}
  result<void> migrate();
  // Committed when `work`, which gives a result<void>, has succeeded, else rolled back.
  template <class Work>
  result<void> in_transaction(Work work);
  result<void> catch_up(std::string_view project);
  result<void> remove_fact(std::string_view project, std::string_view name);
  std::int64_t now_us() const { return clock_->now().time_since_epoch().count(); }

  sqlite_database database_;
  const clock_source* clock_;
  // By project: the catalog that is stored, once that is known.
  std::map<std::string, std::shared_ptr<const catalog>, std::less<>> stored_;
  // By project: the newest catalog, where it could not be stored.
  std::map<std::string, std::shared_ptr<const catalog>, std::less<>> unsaved_;
};

}  // namespace pulse::control
