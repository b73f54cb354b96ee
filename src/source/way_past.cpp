#include "source/way_past.hpp"

#include <fmt/format.h>

#include "source/numbers.hpp"

namespace pulse::source {
namespace {

error can_be_sent() {
  return {errc::conflict, "PostgreSQL can send the change at which capture stopped",
          "check in /capturez whether capture continues by itself"};
}

async_result<bool> fails_up_to(connection* replication, std::string slot, std::string publications,
                               lsn change, lsn end) {
  const auto peeked = co_await replication->query(fmt::format(
      "SELECT pg_catalog.count(*) FROM pg_catalog.pg_logical_slot_peek_binary_changes({}, {}, "
      "NULL, 'proto_version', '1', 'publication_names', {})",
      quote_literal(slot), quote_literal(to_string(end)), quote_literal(publications)));
  if (peeked) co_return false;
  const auto failed = find_send_failure(replication->said(), slot);
  if (failed && failed->change == change) co_return true;
  co_return wrap("looking for the end of the transaction", peeked.error());
}

// More than this is not read only to find out which tables are concerned.
constexpr std::uint64_t read_bytes_max = std::uint64_t{256} << 20U;

// The slot's copy, of another name and with a plugin that can send what pgoutput cannot.
std::string copy_of(std::string_view slot) {
  return quote_literal(std::string(slot.substr(0, 50)) + "_look");
}

async_result<query_rows> copy_slot(connection* replication, std::string slot) {
  co_return co_await replication->query(fmt::format(
      "SELECT pg_catalog.pg_copy_logical_replication_slot({}, {}, true, 'test_decoding')",
      quote_literal(slot), copy_of(slot)));
}

async_result<> drop_copy(connection* replication, std::string slot) {
  const auto dropped = co_await replication->query("SELECT pg_catalog.pg_drop_replication_slot(" +
                                                   copy_of(slot) + ")");
  if (!dropped) co_return wrap("dropping a temporary replication slot", dropped.error());
  co_return result<void>();
}

// The copy's row, read after it has been moved.
std::string copy_moved_to(std::string_view slot, lsn from) {
  return fmt::format(
      "SELECT r.slot_name, r.restart_lsn FROM pg_catalog.pg_replication_slots r "
      "WHERE r.slot_name = {0} AND (r.confirmed_flush_lsn >= {1}::pg_catalog.pg_lsn OR "
      "pg_catalog.pg_replication_slot_advance({0}, {1}) IS NOT NULL)",
      copy_of(slot), quote_literal(to_string(from)));
}

// test_decoding writes "table SCHEMA.NAME: INSERT: …", and one line for all tables of a TRUNCATE,
// which is not taken apart. The last transaction that it writes is the one in question. A name says
// which table it was only when neither table nor schema have been altered since (xmin); then the
// table is part of the same partitioned tables as well.
constexpr const char* tables_sql = R"(
  WITH changes AS MATERIALIZED (
    SELECT c.lsn, c.xid, pg_catalog.left(c.data, 600) AS line
    FROM ({0}) AS moved, LATERAL pg_catalog.pg_logical_slot_peek_changes(moved.slot_name, {1}, NULL,
                                   'skip-empty-xacts', '1') c
    WHERE {1}::pg_catalog.pg_lsn - moved.restart_lsn <= {3}
  ), one AS (
    SELECT c.xid FROM changes c WHERE c.line LIKE 'COMMIT%' AND c.lsn >= {1}::pg_catalog.pg_lsn
    ORDER BY c.lsn DESC LIMIT 1
  ), names AS (
    SELECT DISTINCT (pg_catalog.regexp_match(c.line,
      '^table ((?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")[.](?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")): '))[1] AS name
    FROM changes c JOIN one ON one.xid = c.xid
    WHERE c.line LIKE 'table %' AND c.lsn >= {2}::pg_catalog.pg_lsn
  )
  SELECT t.oid, t.oid IS NOT NULL AND pg_catalog.age(t.xmin) >= pg_catalog.age(one.xid)
                AND pg_catalog.age(s.xmin) >= pg_catalog.age(one.xid)
  FROM one CROSS JOIN names
  LEFT JOIN LATERAL (SELECT pg_catalog.to_regclass(names.name) AS relid) named ON true
  LEFT JOIN LATERAL (SELECT named.relid UNION SELECT p.relid FROM pg_catalog.pg_partition_ancestors(named.relid) p)
            AS family (relid) ON true
  LEFT JOIN pg_catalog.pg_class t ON t.oid = family.relid
  LEFT JOIN pg_catalog.pg_namespace s ON s.oid = t.relnamespace)";

}  // namespace

async_result<lsn> find_refused_end(connection* replication, std::string slot,
                                   std::string publications, lsn from, lsn change) {
  const auto facts = co_await replication->query(fmt::format(
      "SELECT pg_catalog.pg_current_wal_flush_lsn(), b.setting, s.setting FROM "
      "pg_catalog.pg_settings b, pg_catalog.pg_settings s, pg_catalog.pg_replication_slots r "
      "WHERE b.name = 'wal_block_size' AND s.name = 'wal_segment_size' AND r.slot_name = {0} AND "
      "(r.confirmed_flush_lsn >= {1}::pg_catalog.pg_lsn OR "
      "pg_catalog.pg_replication_slot_advance({0}, {1}) IS NOT NULL)",
      quote_literal(slot), quote_literal(to_string(from))));
  if (!facts) co_return wrap("looking for the end of the transaction", facts.error());
  const auto end = parse_lsn(facts->value(0));
  const auto page_bytes = number_in<std::uint64_t>(facts->value(1));
  const auto segment_bytes = number_in<std::uint64_t>(facts->value(2));
  if (!end || page_bytes == 0 || segment_bytes == 0) {
    co_return error{errc::protocol, "PostgreSQL did not return the end of its WAL", {}};
  }
  // The commit record comes after the change.
  failure_search search(change, *end);
  while (const auto up_to = search.next()) {
    const auto fails = co_await fails_up_to(replication, slot, publications, change, *up_to);
    if (!fails) co_return fails.error();
    search.answer(*up_to, *fails);
  }
  const auto found = search.found();
  if (!found) co_return can_be_sent();
  // The record before the commit record ends one byte below. What starts after a commit record's
  // first byte leaves its transaction out.
  const auto commit = record_after({found->value - 1}, page_bytes, segment_bytes);
  co_return lsn{commit.value + 1};
}

async_result<lsn> find_next_end(connection* replication, std::string slot, lsn from) {
  const auto copied = co_await copy_slot(replication, slot);
  if (!copied) {
    auto why = wrap("looking for the transaction that PostgreSQL cannot send", copied.error());
    why.next =
        "Pulse needs the plugin test_decoding (of PostgreSQL's contrib modules) and a free "
        "replication slot for this";
    co_return why;
  }
  const auto found = co_await replication->query(
      fmt::format("SELECT pg_catalog.max(c.lsn) FROM ({0}) AS moved, "
                  "LATERAL pg_catalog.pg_logical_slot_peek_changes(moved.slot_name, NULL, 1, "
                  "'skip-empty-xacts', '1') c",
                  copy_moved_to(slot, from)));
  if (!found) co_return wrap("looking for the transaction to skip", found.error());
  if (auto dropped = co_await drop_copy(replication, slot); !dropped) co_return dropped.error();
  // The line of the commit stands at the end of its record.
  const auto end = parse_lsn(found->value(0));
  if (!end) co_return can_be_sent();
  co_return *end;
}

async_result<std::vector<std::uint32_t>> find_tables_left_out(connection* replication,
                                                              std::string slot, lsn from, lsn end,
                                                              lsn change) {
  std::vector<std::uint32_t> tables;
  if (const auto copied = co_await copy_slot(replication, slot); !copied) co_return tables;
  const auto found = co_await replication->query(
      fmt::format(tables_sql, copy_moved_to(slot, from), quote_literal(to_string(end)),
                  quote_literal(to_string(change)), read_bytes_max));
  // An error has taken the temporary slot with it.
  if (!found) co_return tables;
  if (auto dropped = co_await drop_copy(replication, slot); !dropped) co_return dropped.error();
  for (std::size_t row = 0; row < found->size(); ++row) {
    if (found->value(1, row) != "t") co_return std::vector<std::uint32_t>();
    tables.push_back(number_in<std::uint32_t>(found->value(0, row)));
  }
  co_return tables;
}

}  // namespace pulse::source
