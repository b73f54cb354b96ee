#include "source/keyless_tables.hpp"

#include <chrono>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "change/relation.hpp"
#include "source/reconcile.hpp"

namespace pulse::source {
namespace {

// For the lock of one table; between two tries others have their turn.
constexpr int identity_tries_max = 20;
constexpr std::chrono::milliseconds identity_retry_interval{100};

error keyless_error(const std::vector<const keyless_table*>& tables) {
  std::string names;
  std::string sql;
  for (const auto* table : tables) {
    names += (names.empty() ? "" : ", ") + table->schema + "." + table->name;
    if (!table->identity.empty()) sql += (sql.empty() ? "" : " ") + table->mend();
  }
  std::string next =
      sql.empty() ? "" : "run this SQL, or start with --fix to have Pulse run it: " + sql;
  for (const auto* table : tables) {
    if (table->identity.empty()) next += (next.empty() ? "" : "; ") + table->needs_key();
  }
  return {errc::conflict,
          fmt::format("{} table(s) have no replica identity, and PostgreSQL cannot publish their "
                      "UPDATEs and DELETEs: {}",
                      tables.size(), names),
          next +
              "; with --fix capture starts, and captures only INSERTs and TRUNCATEs of tables that "
              "still have none"};
}

}  // namespace

std::string keyless_table::mend() const {
  if (identity.empty()) return {};
  return fmt::format("ALTER TABLE {} REPLICA IDENTITY {};", quoted(table_name{schema, name}),
                     identity);
}

std::string keyless_table::needs_key() const {
  return fmt::format(
      "table {}.{} has virtual generated columns, which exclude REPLICA IDENTITY FULL: give it a "
      "primary key, or a unique index on NOT NULL columns",
      schema, name);
}

async_result<std::vector<keyless_table>> find_keyless_tables(connection* database,
                                                             std::string in_publication) {
  const std::string sql = fmt::format(
      R"(
    SELECT n.nspname, c.relname, pg_catalog.pg_has_role(c.relowner, 'USAGE'), c.relreplident = 'n',
           CASE WHEN NOT virtual.there THEN 'FULL'
                WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate)
                THEN 'DEFAULT'
                ELSE 'USING INDEX ' ||
                     (SELECT pg_catalog.quote_ident(x.relname) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
                        AND i.indpred IS NULL AND i.indexprs IS NULL
                        AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
                                        WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull)
                      ORDER BY x.relname LIMIT 1) END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
                                       WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)
                               AS there) virtual
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384 AND NOT {}
      AND ($1 = '' OR EXISTS (SELECT 1 FROM pg_catalog.pg_publication_tables p
                              WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = c.relname))
    ORDER BY 1, 2)",
      usable_identity_sql());
  const auto found = co_await database->query(sql, with(in_publication));
  if (!found) co_return found.error();
  std::vector<keyless_table> tables;
  for (const auto& row : found->rows()) {
    tables.push_back({row[0].value_or(""), row[1].value_or(""), row[2] == "t", row[3] == "t",
                      row[4].value_or("")});
  }
  co_return tables;
}

result<void> can_be_published(const std::vector<keyless_table>& tables, bool fix) {
  if (fix) return {};
  std::vector<const keyless_table*> undecided;
  for (const auto& table : tables) {
    if (!table.nothing) undecided.push_back(&table);
  }
  if (!undecided.empty()) return keyless_error(undecided);
  return {};
}

async_result<std::vector<keyless_table>> give_identities(connection* database,
                                                         std::vector<keyless_table> tables) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  std::vector<keyless_table> given;
  for (const auto& table : tables) {
    if (table.nothing || table.identity.empty()) continue;
    for (int tries = 1; tries <= identity_tries_max; ++tries) {
      const auto altered = co_await database->query("BEGIN; SET LOCAL lock_timeout = '200ms'; " +
                                                    table.mend() + " COMMIT");
      if (altered) {
        given.push_back(table);
        break;
      }
      if (auto ended = co_await database->query("ROLLBACK"); !ended) co_return ended.error();
      if (altered.error().code != errc::unavailable) break;
      timer.expires_after(identity_retry_interval);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
  }
  co_return given;
}

}  // namespace pulse::source
