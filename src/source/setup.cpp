#include "source/setup.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "change/relation.hpp"
#include "source/ddl_trigger.hpp"
#include "source/keyless_tables.hpp"
#include "source/ownership.hpp"

namespace pulse::source {
namespace {

// In a line of a log or of the doctor.
constexpr std::size_t tables_named_max = 20;

// Only the user alters his own: what is wrong with it is reported.
async_result<> check_own(connection* database, source_names names, setup_result* made) {
  const auto found = co_await database->query(
      "SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = $1", with(names.publication));
  if (!found) co_return found.error();
  if (found->empty()) {
    co_return error{errc::not_found, "no publication " + names.publication,
                    fmt::format("create it: CREATE PUBLICATION {} FOR ALL TABLES;",
                                quote_identifier(names.publication))};
  }
  const auto keyless = co_await find_keyless_tables(database, names.publication);
  if (!keyless) co_return keyless.error();
  for (const auto& table : *keyless) {
    made->report.push_back(
        {severity::warning,
         fmt::format("table {}.{} has no replica identity", table.schema, table.name),
         "UPDATE and DELETE on it fail, because the publication includes it" +
             (table.identity.empty() ? "; " + table.needs_key() : ""),
         table.mend()});
  }
  co_return result<void>();
}

// Nothing of somebody else's is run, adopted or built upon.
async_result<> refuse_foreign(connection* database, source_names names, setup_result* made) {
  const auto disarmed = co_await disarm_foreign_trigger(database, names);
  if (!disarmed) co_return disarmed.error();
  if (*disarmed) {
    made->report.push_back(
        {severity::warning,
         "dropped Pulse's event trigger: it ran a function of another role",
         "the function ran with the rights of whoever created or altered a table",
         {}});
  }
  if (auto own = co_await refuse_what_others_own(database, names); !own) {
    if (!*disarmed) co_return own.error();
    co_return wrap("dropped Pulse's event trigger, which ran a function of another role",
                   own.error());
  }
  co_return result<void>();
}

async_result<> report_other_owners(connection* database, setup_result* made) {
  const auto found = co_await database->query(R"(
    SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' AND c.oid >= 16384
      AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
    ORDER BY 1)");
  if (!found) co_return found.error();
  if (!found->empty()) {
    std::string names;
    for (const auto& row : found->rows())
      names += (names.empty() ? "" : ", ") + row[0].value_or("");
    made->report.push_back(
        {severity::warning,
         fmt::format("left out {} table(s) of other owners: {}", found->size(), names),
         "only a superuser, or their owner, can publish them",
         {}});
  }
  made->report.push_back({severity::warning,
                          "Pulse looks once a second for new and altered tables",
                          "only a superuser can publish all tables, or install event triggers: "
                          "until Pulse looks again, changes of a new table are not captured, and "
                          "UPDATE and DELETE fail on a table that has lost its replica identity",
                          {}});
  co_return result<void>();
}

async_result<> fix_identities(connection* database, std::vector<keyless_table>* keyless,
                              setup_result* made) {
  const auto given = co_await give_identities(database, *keyless);
  if (!given) co_return given.error();
  for (const auto& table : *given) {
    made->report.push_back(accomplished("gave a replica identity: " + table.mend()));
    std::erase_if(*keyless, [&](const auto& one) {
      return one.schema == table.schema && one.name == table.name;
    });
  }
  co_return result<void>();
}

// Those that capture has only the INSERTs and TRUNCATEs of.
void report_inserts_only(const std::vector<keyless_table>& keyless, setup_result* made) {
  std::string names;
  std::string sql;
  for (const auto& table : keyless) {
    if (table.nothing) continue;
    made->inserts_only.push_back(quoted(table_name{table.schema, table.name}));
    if (made->inserts_only.size() > tables_named_max) continue;
    names += (names.empty() ? "" : ", ") + made->inserts_only.back();
    if (!table.identity.empty()) sql += (sql.empty() ? "" : " ") + table.mend();
  }
  if (made->inserts_only.empty()) return;
  if (made->inserts_only.size() > tables_named_max) names += ", …";
  made->report.push_back(
      {severity::warning,
       fmt::format("{} table(s) have no replica identity and are captured as INSERTs and TRUNCATEs "
                   "only: {}",
                   made->inserts_only.size(), names),
       sql.empty() ? "give them a primary key, or a unique index on columns that are NOT NULL"
                   : "this SQL fixes them: " + sql,
       sql});
}

async_result<> publish(connection* database, source_names names, setup_result* made) {
  auto made_now = co_await make_publications(database, made->upkeep.names, made->there,
                                             made->upkeep.for_all, &made->report);
  if (!made_now) co_return made_now.error();
  if (made->upkeep.for_all && made->upkeep.every_owner) {
    // Before the tables are listed: those that are made meanwhile are listed by the triggers.
    const auto installed = co_await install_ddl_triggers(database, names);
    made->has_triggers = installed.has_value();
    if (installed) {
      made->ddl_token = installed->token;
      made->triggers_since = installed->since;
    } else {
      made->report.push_back(
          {severity::warning,
           "the event triggers were not created",
           "Pulse looks once a second for new and altered tables: " + installed.error().message(),
           {}});
    }
  }
  const auto placed = co_await reconcile(database, made->upkeep);
  if (!placed) co_return placed.error();
  if (!placed->done.empty()) {
    made->report.push_back(accomplished(fmt::format(
        "published {} table(s): {}", placed->done.size(), misplaced_names(placed->done))));
  }
  if (!placed->left.empty()) {
    made->report.push_back(
        {severity::warning,
         fmt::format("{} table(s) are not published yet: {}", placed->left.size(),
                     misplaced_names(placed->left)),
         "another session locks them (VACUUM, CREATE INDEX, ALTER TABLE): Pulse tries again",
         {}});
  }
  auto there = co_await read_publications(database, made->upkeep.names);
  if (!there) co_return there.error();
  made->there = std::move(there).value();
  co_return result<void>();
}

}  // namespace

async_result<setup_result> set_up(connection* database, source_names names, bool fix) {
  setup_result made;
  made.own_publication = names.own_publication;
  if (names.own_publication) {
    if (auto checked = co_await check_own(database, names, &made); !checked)
      co_return checked.error();
    co_return made;
  }
  if (auto own = co_await refuse_foreign(database, names, &made); !own) co_return own.error();
  const auto role = co_await read_role(database);
  if (!role) co_return role.error();
  made.upkeep.names = publications_of(names, database->server_version());
  made.upkeep.every_owner = role->superuser;
  auto there = co_await read_publications(database, made.upkeep.names);
  if (!there) co_return there.error();
  made.there = std::move(there).value();
  const auto all = std::ranges::find(made.there, made.upkeep.names.all, &publication_row::name);
  made.upkeep.for_all = all == made.there.end() ? role->superuser : all->for_all_tables;
  made.changeable = std::ranges::all_of(made.there, &publication_row::changeable) &&
                    (!made.upkeep.for_all || role->superuser);

  auto keyless = co_await find_keyless_tables(database, "");
  if (!keyless) co_return keyless.error();
  if (!role->superuser) std::erase_if(*keyless, [](const auto& table) { return !table.owned; });
  if (made.there.empty()) {
    if (auto allowed = can_be_published(*keyless, fix); !allowed) co_return allowed.error();
  }
  if (fix) {
    if (auto fixed = co_await fix_identities(database, &*keyless, &made); !fixed)
      co_return fixed.error();
  }
  if (made.changeable) {
    if (auto published = co_await publish(database, names, &made); !published)
      co_return published.error();
  }
  if (!made.upkeep.for_all) {
    if (auto reported = co_await report_other_owners(database, &made); !reported)
      co_return reported.error();
  }
  made.has_old = std::ranges::find(made.there, made.upkeep.names.old, &publication_row::name) !=
                 made.there.end();
  report_inserts_only(*keyless, &made);
  co_return made;
}

async_result<std::vector<std::string>> find_inserts_only(connection* database,
                                                         publication_upkeep kept) {
  const auto keyless = co_await find_keyless_tables(database, "");
  if (!keyless) co_return keyless.error();
  std::vector<std::string> names;
  for (const auto& table : *keyless) {
    if (table.nothing || !(kept.every_owner || table.owned)) continue;
    names.push_back(quoted(table_name{table.schema, table.name}));
  }
  co_return names;
}

async_result<publication_start> find_publication_start(connection* database,
                                                       std::string open_before) {
  const auto found = co_await database->query(
      "SELECT pg_catalog.txid_snapshot_xmax(s), "
      "pg_catalog.txid_snapshot_xmin(s) >= NULLIF($1, '')::pg_catalog.int8, "
      "pg_catalog.pg_current_wal_insert_lsn() FROM pg_catalog.txid_current_snapshot() s",
      with(open_before));
  if (!found) co_return wrap("looking for open transactions", found.error());
  publication_start start;
  start.open_before = open_before.empty() ? found->value(0) : open_before;
  start.all_have_ended = found->value(1) == "t";
  start.from = parse_lsn(found->value(2)).value_or(lsn{});
  co_return start;
}

async_result<std::vector<finding>> drop_old(connection* database, source_names names) {
  std::vector<finding> report;
  const auto ours = publications_of(names, database->server_version());
  const auto dropped = co_await database->query(
      "SET lock_timeout = '200ms'; DROP PUBLICATION IF EXISTS " + quote_identifier(ours.old));
  const auto reset = co_await database->query("RESET lock_timeout");
  if (!dropped) co_return wrap("dropping publication " + ours.old, dropped.error());
  if (!reset) co_return reset.error();
  report.push_back(
      accomplished("dropped publication " + ours.old + ", which the new ones replace"));
  if (auto gone = co_await drop_old_trigger(database, ours, &report); !gone) co_return gone.error();
  co_return report;
}

}  // namespace pulse::source
