#include "source/setup.hpp"

#include <charconv>
#include <chrono>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "source/keyless_tables.hpp"
#include "source/ownership.hpp"

namespace pulse::source {

namespace asio = boost::asio;

namespace {

finding done(std::string what) {
  return {severity::ok, std::move(what), {}, {}};
}

std::vector<keyless_table> only_owned(std::vector<keyless_table> tables) {
  std::erase_if(tables, [](const auto& table) { return !table.owned; });
  return tables;
}

async_result<query_rows> run(connection* database, std::string doing, std::string sql) {
  auto answered = co_await database->query(std::move(sql));
  if (!answered) co_return wrap(doing, answered.error());
  co_return answered;
}

// One transaction: the tables have their identity before they are published, and nobody waits long
// for a lock.
async_result<> publish(connection* database, std::vector<keyless_table> mend,
                       std::string statement) {
  std::string sql = "BEGIN; SET LOCAL lock_timeout = '5s';";
  for (const auto& table : mend) sql += table.mend();
  sql += statement + "; COMMIT";
  auto published = co_await database->query(std::move(sql));
  if (published) co_return result<void>();
  co_await database->query("ROLLBACK");
  co_return wrap("publishing the tables", published.error());
}

struct table_list {
  std::string sql;  // quoted, comma-separated
  std::size_t count = 0;
};

// Tables that can be published and are not yet; owned ones or the others.
async_result<table_list> unpublished_tables(connection* database, std::string publication,
                                            bool owned) {
  const auto found =
      co_await database->query(R"(
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND pg_has_role(c.relowner, 'USAGE') = ($2 = 'owned')
      AND NOT EXISTS (SELECT 1 FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                      WHERE r.prrelid = c.oid AND p.pubname = $1)
    ORDER BY 1, 2)",
                               with(publication, std::string(owned ? "owned" : "others")));
  if (!found) co_return found.error();
  table_list list;
  list.count = found->size();
  for (const auto& row : found->rows()) {
    list.sql += (list.sql.empty() ? "" : ", ") + quote_identifier(row[0].value_or("")) + "." +
                quote_identifier(row[1].value_or(""));
  }
  co_return list;
}

// A partitioned table is one table to consumers; before PostgreSQL 13 only its partitions can be
// published. Stored generated columns are values like others; before 18 they are left out.
std::string publication_options(int server_version) {
  if (server_version < 130000) return {};
  if (server_version < 180000) return "(publish_via_partition_root = true)";
  return "(publish_via_partition_root = true, publish_generated_columns = stored)";
}

std::string with_options(int server_version) {
  const auto options = publication_options(server_version);
  return options.empty() ? options : " WITH " + options;
}

// One that was made for an older server, or by an older Pulse, gets what this server can do.
async_result<> renew_publication(connection* database, std::string publication,
                                 setup_report* report) {
  const auto options = publication_options(database->server_version());
  if (options.empty()) co_return result<void>();
  const auto old = co_await database->query(R"(
    SELECT 1 FROM pg_publication p WHERE pubname = $1
      AND (NOT pubviaroot OR to_jsonb(p)->>'pubgencols' = 'n'))",
                                            with(publication));
  if (!old) co_return old.error();
  if (old->empty()) co_return result<void>();
  auto altered =
      co_await run(database, "altering the publication",
                   "ALTER PUBLICATION " + quote_identifier(publication) + " SET " + options);
  if (!altered) co_return altered.error();
  report->push_back(done("set of publication " + publication + ": " + options));
  co_return result<void>();
}

async_result<> set_up_for_all(connection* database, source_names names, bool exists, bool fix,
                              setup_report* report) {
  const auto keyless = co_await find_keyless_tables(database, "");
  if (!keyless) co_return keyless.error();
  if (auto allowed = can_be_published(*keyless, fix); !allowed) co_return allowed.error();
  if (!exists || !keyless->empty()) {
    const auto statement = exists
                               ? std::string("SELECT 1")
                               : "CREATE PUBLICATION " + quote_identifier(names.publication) +
                                     " FOR ALL TABLES" + with_options(database->server_version());
    if (auto published = co_await publish(database, *keyless, statement); !published)
      co_return published.error();
    for (const auto& table : *keyless)
      report->push_back(done("gave a replica identity: " + table.mend()));
    if (!exists)
      report->push_back(done("made publication " + names.publication + " for all tables"));
  }
  if (auto installed = co_await install_keyless_trigger(database); !installed) {
    report->push_back({severity::warning,
                       "the event trigger for keyless tables could not be made",
                       "tables made later without a primary key will refuse UPDATE and DELETE: " +
                           installed.error().what,
                       {}});
  }
  co_return result<void>();
}

async_result<> set_up_for_owned(connection* database, source_names names, bool exists, bool fix,
                                setup_report* report) {
  auto keyless = co_await find_keyless_tables(database, "");
  if (!keyless) co_return keyless.error();
  const auto mend = only_owned(std::move(*keyless));
  if (auto allowed = can_be_published(mend, fix); !allowed) co_return allowed.error();
  const auto owned = co_await unpublished_tables(database, names.publication, true);
  if (!owned) co_return owned.error();
  const auto publication = quote_identifier(names.publication);
  std::string statement = "SELECT 1";
  if (!exists) {
    statement = "CREATE PUBLICATION " + publication +
                (owned->sql.empty() ? "" : " FOR TABLE " + owned->sql) +
                with_options(database->server_version());
  } else if (!owned->sql.empty()) {
    statement = "ALTER PUBLICATION " + publication + " ADD TABLE " + owned->sql;
  }
  if (statement != "SELECT 1" || !mend.empty()) {
    if (auto published = co_await publish(database, mend, statement); !published)
      co_return published.error();
    if (owned->count != 0)
      report->push_back(
          done(fmt::format("published {} table(s) that the role owns", owned->count)));
  }
  const auto others = co_await unpublished_tables(database, names.publication, false);
  if (!others) co_return others.error();
  if (others->count != 0) {
    report->push_back(
        {severity::warning,
         fmt::format("left out {} table(s) of other owners: {}", others->count, others->sql),
         "only a superuser, or their owner, can publish them",
         {}});
  }
  report->push_back(
      {severity::warning,
       "tables made later are published at the next start",
       "only a superuser can publish all tables, or install the event trigger for keyless ones",
       {}});
  co_return result<void>();
}

struct transaction_watch {
  explicit transaction_watch(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  bool over = false;
};

// Tells of open transactions from time to time, until it is over. Nobody else uses `database`
// meanwhile.
asio::awaitable<void> watch_open_transactions(connection* database,
                                              std::shared_ptr<transaction_watch> watch,
                                              waiting_for tell) {
  while (!watch->over) {
    watch->timer.expires_after(std::chrono::seconds(2));
    boost::system::error_code cancelled;
    co_await watch->timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (watch->over) co_return;
    const auto found = co_await database->query(R"(
      SELECT pid, xact_start, state FROM pg_stat_activity
      WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY xact_start)");
    if (!found || watch->over) co_return;
    std::vector<open_transaction> open;
    for (const auto& row : found->rows()) {
      open_transaction one;
      const auto pid = row[0].value_or("0");
      std::from_chars(pid.data(), pid.data() + pid.size(), one.pid);
      one.since = row[1].value_or("");
      one.state = row[2].value_or("");
      open.push_back(std::move(one));
    }
    if (!open.empty()) tell(open);
  }
}

}  // namespace

async_result<setup_report> set_up(connection* database, source_names names, bool fix) {
  setup_report report;
  const auto publication = co_await database->query(
      "SELECT puballtables FROM pg_publication WHERE pubname = $1", with(names.publication));
  if (!publication) co_return publication.error();
  const bool exists = !publication->empty();
  if (names.own_publication) {
    if (!exists) {
      co_return error{errc::not_found, "there is no publication " + names.publication,
                      fmt::format("make it: CREATE PUBLICATION {} FOR ALL TABLES;",
                                  quote_identifier(names.publication))};
    }
    const auto keyless = co_await find_keyless_tables(database, names.publication);
    if (!keyless) co_return keyless.error();
    for (const auto& table : *keyless) {
      report.push_back(
          {severity::warning,
           fmt::format("table {}.{} has no replica identity", table.schema, table.name),
           "UPDATE and DELETE on it fail, because the publication has it" +
               (table.identity.empty() ? "; " + table.needs_key() : ""),
           table.identity.empty() ? "" : table.mend()});
    }
    co_return report;
  }
  const auto disarmed = co_await disarm_foreign_trigger(database);
  if (!disarmed) co_return disarmed.error();
  if (*disarmed) {
    report.push_back({severity::warning,
                      "dropped Pulse's event trigger: it ran a function that somebody else owns",
                      "it ran with the rights of whoever made or altered a table",
                      {}});
  }
  if (auto own = co_await refuse_what_others_own(database, names); !own) {
    if (!*disarmed) co_return own.error();
    co_return wrap("dropped Pulse's event trigger, which ran a function of somebody else",
                   own.error());
  }
  const auto role = co_await read_role(database);
  if (!role) co_return role.error();
  const bool for_all = exists ? publication->value(0) == "t" : role->superuser;
  // Somebody else's FOR ALL TABLES under our name covers everything already, and only a superuser
  // can change it.
  result<void> prepared;
  if (for_all && role->superuser) {
    prepared = co_await set_up_for_all(database, names, exists, fix, &report);
  } else if (!for_all) {
    prepared = co_await set_up_for_owned(database, names, exists, fix, &report);
  }
  if (!prepared) co_return prepared.error();
  if (exists && (role->superuser || !for_all)) {
    if (auto renewed = co_await renew_publication(database, names.publication, &report); !renewed)
      co_return renewed.error();
  }
  co_return report;
}

async_result<created_slot> create_replication_slot(connection* replication, connection* database,
                                                   std::string slot, bool temporary,
                                                   waiting_for waiting) {
  const auto executor = co_await asio::this_coro::executor;
  const auto watch = std::make_shared<transaction_watch>(executor);
  asio::co_spawn(executor, watch_open_transactions(database, watch, std::move(waiting)),
                 asio::detached);
  // From PostgreSQL 17 on standbys that keep slots in step take over this one (manual, section
  // 47.2.3).
  const bool failover = !temporary && database->server_version() >= failover_server_version_min;
  auto made = co_await replication->query(
      "CREATE_REPLICATION_SLOT " + quote_identifier(slot) + (temporary ? " TEMPORARY" : "") +
      " LOGICAL pgoutput " + (failover ? "(SNAPSHOT 'nothing', FAILOVER)" : "NOEXPORT_SNAPSHOT"));
  watch->over = true;
  watch->timer.cancel();
  // It may be asking right now, on a connection that is needed again.
  while (database->in_use()) co_await asio::post(executor, asio::use_awaitable);
  if (!made) co_return wrap("making the replication slot " + slot, made.error());
  const auto start = parse_lsn(made->value(1));
  if (!start)
    co_return error{errc::protocol, "the server gave no start for the replication slot",
                    "try again"};
  co_return created_slot{*start};
}

async_result<setup_report> tear_down(connection* database, source_names names) {
  setup_report report;
  const auto slot = co_await database->query(
      "SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1", with(names.slot));
  if (!slot) co_return slot.error();
  if (slot->empty()) {
    report.push_back(done("there is no replication slot " + names.slot));
  } else if (const auto pid = slot->value(0); !pid.empty()) {
    report.push_back(
        {severity::failure,
         fmt::format("replication slot {} is in use by process {}", names.slot, pid),
         "it keeps WAL on the server until it is dropped: stop `pulse serve`, then run this again",
         {}});
  } else {
    auto dropped =
        co_await database->query("SELECT pg_drop_replication_slot($1)", with(names.slot));
    if (!dropped) co_return wrap("dropping the replication slot", dropped.error());
    report.push_back(done("dropped replication slot " + names.slot));
  }
  if (names.own_publication) {
    report.push_back(
        done("left the publication " + names.publication + " alone: it is not Pulse's"));
  } else {
    auto dropped =
        co_await run(database, "dropping the publication",
                     "DROP PUBLICATION IF EXISTS " + quote_identifier(names.publication));
    if (!dropped) co_return dropped.error();
    report.push_back(done("dropped publication " + names.publication));
  }
  const auto removed = co_await remove_keyless_trigger(database);
  if (!removed) co_return removed.error();
  report.insert(report.end(), removed->begin(), removed->end());
  co_return report;
}

}  // namespace pulse::source
