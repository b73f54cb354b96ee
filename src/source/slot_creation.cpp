#include "source/slot_creation.hpp"

#include <charconv>
#include <chrono>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/unexpected.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

namespace asio = boost::asio;

namespace {

constexpr const char* open_transactions_sql = R"(
  SELECT a.pid::pg_catalog.text, '' AS prepared, a.datname::pg_catalog.text, a.xact_start, a.state
  FROM pg_catalog.pg_stat_activity a WHERE a.backend_xid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
  UNION ALL
  SELECT '0', p.gid, p.database::pg_catalog.text, p.prepared, 'prepared' FROM pg_catalog.pg_prepared_xacts p
  ORDER BY 4)";

struct transaction_watch {
  explicit transaction_watch(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  bool over = false;
};

open_transaction transaction_of(const query_rows::row& row) {
  open_transaction one;
  const auto pid = row[0].value_or("0");
  std::from_chars(pid.data(), pid.data() + pid.size(), one.pid);
  one.prepared = row[1].value_or("");
  one.database = row[2].value_or("");
  one.since = row[3].value_or("");
  one.state = row[4].value_or("");
  return one;
}

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
    const auto found = co_await database->query(open_transactions_sql);
    if (!found || watch->over) co_return;
    std::vector<open_transaction> open;
    for (const auto& row : found->rows()) open.push_back(transaction_of(row));
    if (!open.empty()) tell(open);
  }
}

}  // namespace

std::string describe(const open_transaction& open) {
  if (open.pid == 0) {
    return fmt::format(
        "the transaction prepared as {} in database {} at {} (end it there: ROLLBACK PREPARED {} "
        "or "
        "COMMIT PREPARED {})",
        quote_literal(open.prepared), open.database, open.since, quote_literal(open.prepared),
        quote_literal(open.prepared));
  }
  return fmt::format(
      "the transaction of process {} in database {}, open since {}, {} (SELECT "
      "pg_terminate_backend({}) ends it)",
      open.pid, open.database, open.since, open.state, open.pid);
}

async_result<created_slot> create_replication_slot(connection* replication, connection* database,
                                                   std::string slot, bool temporary,
                                                   waiting_for waiting) {
  const auto executor = co_await asio::this_coro::executor;
  const auto watch = std::make_shared<transaction_watch>(executor);
  asio::co_spawn(executor, watch_open_transactions(database, watch, std::move(waiting)),
                 end_process_on);
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
  if (!made) co_return wrap("creating the replication slot " + slot, made.error());
  const auto start = parse_lsn(made->value(1));
  if (!start)
    co_return error{errc::protocol, "PostgreSQL returned no start for the replication slot",
                    "try again"};
  co_return created_slot{*start};
}

}  // namespace pulse::source
