#include "source/one_snapshot.hpp"

namespace pulse::source {

async_result<> in_one_snapshot(connection* database, std::function<async_result<>()> read) {
  if (auto begun = co_await database->query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      !begun) {
    co_return begun.error();
  }
  const auto outcome = co_await read();
  if (!outcome) {
    // It has ended with the connection, or ends here.
    co_await database->query("ROLLBACK");
    co_return outcome.error();
  }
  if (auto ended = co_await database->query("COMMIT"); !ended) co_return ended.error();
  co_return result<void>();
}

}  // namespace pulse::source
