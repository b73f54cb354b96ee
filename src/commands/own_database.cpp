#include "commands/own_database.hpp"

#include <chrono>
#include <cstdio>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "commands/database_work.hpp"
#include "source/teardown.hpp"

namespace pulse::commands {

namespace asio = boost::asio;

namespace {

// PostgreSQL may wait for locks of others; what is not done by then is left to the next run.
constexpr std::chrono::seconds own_database_limit{20};
// A slot whose user was killed is free as soon as PostgreSQL has noticed.
constexpr std::chrono::milliseconds dev_slot_poll_interval{100};
constexpr int slot_polls_max = 50;

// The process that uses the slot, after a while of waiting for it to let go; empty: none.
source::async_result<std::string> slot_user(source::connection* database, std::string slot) {
  std::string user;
  for (int i = 0; i < slot_polls_max; ++i) {
    const auto found = co_await database->query(
        "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
        source::with(slot));
    if (!found) co_return found.error();
    user = found->value(0);
    if (user.empty()) break;
    asio::steady_timer timer(co_await asio::this_coro::executor, dev_slot_poll_interval);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return user;
}

source::async_result<findings> tear_down_unused(source::connection* database,
                                                source::source_names names) {
  const auto user = co_await slot_user(database, names.slot);
  if (!user) co_return user.error();
  if (!user->empty()) {
    co_return error{
        errc::conflict,
        fmt::format("replication slot {} is in use by process {} of PostgreSQL", names.slot, *user),
        "another `pulse dev` captures this database: end it first"};
  }
  co_return co_await source::tear_down(database, std::move(names));
}

source::async_result<findings> check_and_tear_down(source::connection* database,
                                                   source::source_names names) {
  auto found = co_await source::check_server(database, names, source::check_scope::capture);
  if (!found || has_failure(*found)) co_return found;
  const auto removed = co_await tear_down_unused(database, std::move(names));
  if (!removed) co_return removed.error();
  co_return *removed;
}

error not_removed(const findings& all) {
  for (const auto& one : all) {
    if (one.level == source::severity::failure) return {errc::conflict, one.what, one.why};
  }
  return {errc::conflict, "some of Pulse's objects remain in the database"};
}

}  // namespace

result<void> prepare_own_database(const config::project_config& project) {
  const auto found = ask_database(project, check_and_tear_down, own_database_limit);
  if (!found) return found.error();
  if (!has_failure(*found)) return {};
  findings lacking;
  for (const auto& one : *found) {
    if (one.level == source::severity::failure) lacking.push_back(one);
  }
  print_findings(stderr, project.name, lacking);
  return error{errc::conflict, "Pulse cannot capture this database",
               "fix the problems above, or run `pulse dev --throwaway` for a throwaway database"};
}

result<void> leave_own_database(const config::project_config& project) {
  const auto removed = ask_database(project, tear_down_unused, own_database_limit);
  if (!removed) return removed.error();
  return has_failure(*removed) ? result<void>(not_removed(*removed)) : result<void>();
}

}  // namespace pulse::commands
