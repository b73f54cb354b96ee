// Streams that do not move: counted, and ended when they keep others from moving.
#include <vector>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "streams/cursor_lag.hpp"
#include "streams/hub_impl.hpp"

namespace pulse::streams {

void hub::impl::tick(std::chrono::steady_clock::time_point now) {
  // Acknowledgements that no event follows would otherwise not be seen until one does.
  figures_.show();
  std::size_t stalled = 0;
  std::vector<std::pair<stream_id, std::chrono::steady_clock::duration>> in_the_way;
  for (const auto& [id, stream] : streams_.all()) {
    if (stream->how != delivery::waiting) {
      stream->stall.moves();
      continue;
    }
    ++stalled;
    const auto still = stream->stall.stands(now, stream->acknowledged);
    if (holds_others_up(*stream, still)) in_the_way.emplace_back(stream->id, still);
  }
  for (const auto& [id, still] : in_the_way) end_stalled(id, still);
  const auto newest = with_.log->bounds().last_at;
  for (const auto& [key, name] : names_) {
    if (name->opening || name->abandoned) continue;
    lags_.set(key, lag_bytes(cursor(key), newest));
  }
  stalled_streams_.Set(static_cast<double>(stalled - in_the_way.size()));
  sweep_cursors(now);
  abandon_unused(now);
}

bool hub::impl::holds_others_up(const stream_state& stream,
                                std::chrono::steady_clock::duration still) const {
  return limits_.stall_timeout.count() != 0 && stream.name != nullptr &&
         !stream.name->standbys.empty() && still >= limits_.stall_timeout;
}

void hub::impl::end_stalled(stream_id id, std::chrono::steady_clock::duration still) {
  const auto& stream = *streams_.find(id);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(still).count();
  log_warning("streams",
              "a consumer acknowledges nothing while another waits for its name: ending it",
              {{"project", with_.project},
               {"table", to_string(stream.table_of)},
               {"stream", stream.wanted.name},
               {"unacknowledged_events", stream.window.events()},
               {"stalled_seconds", seconds}});
  stalled_ended_total_.Increment();
  // A close's reason has 123 bytes at most.
  end(id, end_reason::slow,
      fmt::format("nothing was acknowledged for {} s, and another consumer waits for this name",
                  seconds));
}

}  // namespace pulse::streams
