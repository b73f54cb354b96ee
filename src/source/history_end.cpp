#include "source/history_end.hpp"

#include <utility>

#include "source/replication.hpp"

namespace pulse::source {
namespace {

async_result<position> write_barrier(connection* database) {
  const auto written = co_await database->query(
      "SELECT message, pg_walfile_name(message), set_config('synchronous_commit', 'local', true) "
      "FROM pg_logical_emit_message(true, 'pulse.end', '') AS message");
  if (!written) co_return wrap("writing a barrier", written.error());
  co_return place_of(written->value(0), written->value(1));
}

}  // namespace

async_result<history_end> find_history_end(connection* database) {
  history_end end;
  const auto barrier = co_await write_barrier(database);
  if (barrier) {
    end.at = end.written = *barrier;
    end.is_barrier = true;
    co_return end;
  }
  const auto flushed = co_await read_flush_place(database);
  // The connection does not serve any more: its first error says why.
  if (!flushed) co_return barrier.error();
  const auto written = co_await read_written_place(database);
  if (!written) co_return written.error();
  end.at = end.written = *flushed;
  end.written.commit = *written;
  end.refusal = barrier.error().message();
  co_return end;
}

}  // namespace pulse::source
