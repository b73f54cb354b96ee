#include "source/teardown.hpp"

#include <utility>

#include <fmt/format.h>

#include "source/ddl_trigger.hpp"
#include "source/publications.hpp"

namespace pulse::source {
namespace {

async_result<> drop_slot(connection* database, std::string slot, std::vector<finding>* report) {
  const auto found = co_await database->query(
      "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = $1", with(slot));
  if (!found) co_return found.error();
  if (found->empty()) {
    report->push_back(accomplished("no replication slot " + slot));
    co_return result<void>();
  }
  if (const auto pid = found->value(0); !pid.empty()) {
    report->push_back({severity::failure,
                       fmt::format("replication slot {} is in use by process {}", slot, pid),
                       "stop `pulse serve`, then run this again: until the slot is dropped, "
                       "PostgreSQL keeps WAL for it",
                       {}});
    co_return result<void>();
  }
  const auto dropped =
      co_await database->query("SELECT pg_catalog.pg_drop_replication_slot($1)", with(slot));
  if (!dropped) co_return wrap("dropping the replication slot", dropped.error());
  report->push_back(accomplished("dropped replication slot " + slot));
  co_return result<void>();
}

}  // namespace

async_result<std::vector<finding>> tear_down(connection* database, source_names names) {
  std::vector<finding> report;
  if (auto dropped = co_await drop_slot(database, names.slot, &report); !dropped)
    co_return dropped.error();
  if (names.own_publication) {
    report.push_back(
        accomplished("left the publication " + names.publication + " alone: it is not Pulse's"));
  }
  const auto ours = publications_of(names, database->server_version());
  if (names.own_publication) {
    // Of a time before the user's own was named.
    if (auto dropped = co_await drop_old_trigger(database, ours, &report); !dropped)
      co_return dropped.error();
    co_return report;
  }
  // First the triggers, which would put tables into lists that are gone.
  if (auto dropped = co_await drop_ddl_triggers(database, ours, &report); !dropped)
    co_return dropped.error();
  const auto there = co_await read_publications(database, ours);
  if (!there) co_return there.error();
  if (there->empty()) report.push_back(accomplished("no publications of Pulse"));
  std::string dropped_names;
  for (const auto& publication : *there) {
    const auto dropped = co_await database->query("DROP PUBLICATION IF EXISTS " +
                                                  quote_identifier(publication.name));
    if (!dropped) co_return wrap("dropping publication " + publication.name, dropped.error());
    dropped_names += (dropped_names.empty() ? "" : ", ") + publication.name;
  }
  if (!dropped_names.empty())
    report.push_back(accomplished("dropped publications " + dropped_names));
  if (auto dropped = co_await drop_old_trigger(database, ours, &report); !dropped)
    co_return dropped.error();
  co_return report;
}

}  // namespace pulse::source
