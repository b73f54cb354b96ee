#include "source/replication.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "source/numbers.hpp"
#include "source/snapshot.hpp"
#include "source/timeline_history.hpp"

namespace pulse::source {
async_result<server_identity> identify_server(connection* replication) {
  const auto database = co_await replication->query(
      "SELECT oid, pg_is_in_recovery() FROM pg_database WHERE datname = current_database()");
  if (!database) co_return wrap("identifying the database", database.error());
  if (database->value(1) == "t") {
    co_return error{errc::unavailable, "PostgreSQL is a standby", "connect to the primary"};
  }
  const auto found = co_await replication->query("IDENTIFY_SYSTEM");
  if (!found) co_return wrap("identifying the server", found.error());
  server_identity identity;
  identity.system_identifier = found->value(0);
  identity.history.current = number_in<std::uint32_t>(found->value(1));
  identity.wal_end = parse_lsn(found->value(2)).value_or(lsn{});
  identity.database = found->value(3);
  identity.database_oid = number_in<std::uint32_t>(database->value(0));
  if (identity.history.current > 1) {
    const auto history =
        co_await replication->query(fmt::format("TIMELINE_HISTORY {}", identity.history.current));
    if (!history) co_return wrap("reading the timeline's history", history.error());
    identity.history.left = parse_timeline_history(history->value(1));
  }
  co_return identity;
}

async_result<std::optional<slot_facts>> read_slot(connection* database, std::string slot) {
  // wal_status is there from PostgreSQL 13 on.
  const std::string status = database->server_version() >= 130000 ? "wal_status" : "''";
  const auto found = co_await database->query(
      "SELECT plugin, database, active, active_pid, confirmed_flush_lsn, " + status +
      " FROM pg_replication_slots WHERE slot_name = " + quote_literal(slot));
  if (!found) co_return wrap("reading the replication slot", found.error());
  if (found->empty()) co_return std::optional<slot_facts>();
  slot_facts facts;
  facts.plugin = found->value(0);
  facts.database = found->value(1);
  facts.active = found->value(2) == "t";
  facts.active_pid = static_cast<std::int32_t>(number_in<std::uint32_t>(found->value(3)));
  facts.confirmed_flush = parse_lsn(found->value(4)).value_or(lsn{});
  facts.lost = found->value(5) == "lost";
  co_return std::optional(facts);
}

result<position> place_of(const std::string& at, const std::string& file) {
  // The file's name begins with its timeline, in eight hexadecimal digits.
  constexpr std::size_t digits = 8;
  position end;
  end.commit = parse_lsn(at).value_or(lsn{});
  const auto parsed =
      std::from_chars(file.data(), file.data() + std::min(digits, file.size()), end.timeline, 16);
  if (parsed.ec != std::errc{} || end.timeline == 0) {
    return error{
        errc::protocol, fmt::format("PostgreSQL's WAL file name \"{}\" has no timeline", file), {}};
  }
  return end;
}

async_result<position> read_flush_place(connection* database) {
  const auto found = co_await database->query(
      "SELECT flushed, pg_walfile_name(flushed) FROM pg_current_wal_flush_lsn() AS flushed");
  if (!found) co_return found.error();
  co_return place_of(found->value(0), found->value(1));
}

std::string publication_list(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ",") + quote_identifier(name);
  return list;
}

async_result<> start_streaming(connection* replication, stream_options options) {
  co_return co_await replication->start_copy(fmt::format(
      "START_REPLICATION SLOT {} LOGICAL {} (proto_version '{}', {}{}publication_names {})",
      quote_identifier(options.slot), to_string(options.from), options.streaming ? 2 : 1,
      options.streaming ? "streaming 'on', " : "", options.messages ? "messages 'on', " : "",
      quote_replication_literal(publication_list(options.publications))));
}

async_result<running_transactions> read_running(connection* database) {
  const auto now = co_await read_snapshot(database);
  if (!now) co_return wrap("reading the running transactions", now.error());
  const auto written = co_await read_written_place(database);
  if (!written) co_return written.error();
  running_transactions running;
  running.xmin = now->xmin;
  running.xmax = now->xmax;
  running.written = *written;
  co_return running;
}

async_result<lsn> read_written_place(connection* database) {
  const auto written = co_await database->query("SELECT pg_catalog.pg_current_wal_insert_lsn()");
  if (!written) co_return wrap("asking how far the WAL is written", written.error());
  co_return parse_lsn(written->value(0)).value_or(lsn{});
}

bool is_missing_publication(const error& ended) {
  return ended.code == errc::not_found && ended.what.find("publication") != std::string::npos;
}

async_result<> advance_slot(connection* database, std::string slot, lsn to) {
  const auto advanced = co_await database->query(
      "SELECT pg_replication_slot_advance($1, $2::pg_lsn)", with(slot, to_string(to)));
  if (!advanced) co_return wrap("advancing the replication slot " + slot, advanced.error());
  co_return result<void>();
}

async_result<> write_heartbeat(connection* database) {
  const auto written = co_await database->query(
      "SELECT set_config('synchronous_commit', 'local', true), "
      "pg_logical_emit_message(true, 'pulse', '')");
  if (!written) co_return wrap("writing a heartbeat", written.error());
  co_return result<void>();
}

}  // namespace pulse::source
