#include "source/primary.hpp"

#include "source/catalog_query.hpp"
#include "source/start_rules.hpp"

namespace pulse::source {

async_result<> check_primary(connection* database, std::string identity) {
  const auto found = co_await read_database(database);
  if (!found) co_return found.error();
  if (!is_same_database(identity, found->identity))
    co_return error{errc::unavailable, "the database URL has reached another database", {}};
  const auto standby = co_await database->query("SELECT pg_catalog.pg_is_in_recovery()");
  if (!standby) co_return standby.error();
  if (standby->value(0) != "f")
    co_return error{errc::unavailable, "the database URL has reached a standby", {}};
  co_return result<void>();
}

}  // namespace pulse::source
