#include "source/slot_retention.hpp"

#include "source/numbers.hpp"

namespace pulse::source {
async_result<std::optional<slot_retention>> read_slot_retention(connection* database,
                                                                std::string slot) {
  // wal_status and safe_wal_size are there from PostgreSQL 13 on.
  const std::string limits =
      database->server_version() >= 130000 ? "wal_status, safe_wal_size" : "'', NULL";
  const auto found =
      co_await database->query("SELECT greatest(pg_current_wal_lsn() - restart_lsn, 0)::bigint, " +
                                   limits + " FROM pg_replication_slots WHERE slot_name = $1",
                               with(slot));
  if (!found) co_return wrap("reading the WAL that the replication slot keeps", found.error());
  if (found->empty()) co_return std::optional<slot_retention>();
  slot_retention kept;
  kept.kept_bytes = number_in<std::uint64_t>(found->value(0));
  kept.wal_status = found->value(1);
  // Below zero: it may be lost any moment.
  if (const auto& safe = found->rows()[0][2]) kept.safe_bytes = number_in<std::uint64_t>(*safe);
  co_return std::optional(kept);
}

retention_level level_of(const slot_retention& now) {
  if (now.wal_status == "unreserved" || now.wal_status == "lost") return retention_level::ending;
  if (!now.safe_bytes) return retention_level::fine;
  return *now.safe_bytes < now.kept_bytes ? retention_level::near : retention_level::fine;
}

}  // namespace pulse::source
