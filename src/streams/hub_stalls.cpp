// Streams that do not move: counted, and ended when they keep others from moving.
#include <vector>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "streams/cursor_lag.hpp"
#include "streams/hub_impl.hpp"

namespace pulse::streams {

void hub::impl::tick(std::chrono::steady_clock::time_point now) {
  // Acknowledgements that no event follows would otherwise not be seen until one does.
  count_delivered();
  std::size_t stalled = 0;
  std::vector<stream_id> in_the_way;
  for (const auto& [id, stream] : streams_) {
    if (stream->how != delivery::waiting) {
      stream->stalled_since.reset();
      continue;
    }
    ++stalled;
    // A slow consumer that acknowledges now and then works: only standing still counts.
    if (!stream->stalled_since || stream->acknowledged != stream->acknowledged_then) {
      stream->stalled_since = now;
      stream->acknowledged_then = stream->acknowledged;
    } else if (holds_others_up(*stream, now)) {
      in_the_way.push_back(stream->id);
    }
  }
  for (const auto id : in_the_way) end_stalled(id, now);
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
                                std::chrono::steady_clock::time_point now) const {
  return limits_.stall_timeout.count() != 0 && stream.name != nullptr &&
         !stream.name->standbys.empty() && now - *stream.stalled_since >= limits_.stall_timeout;
}

void hub::impl::end_stalled(stream_id id, std::chrono::steady_clock::time_point now) {
  const auto& stream = *find(id);
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now - *stream.stalled_since).count();
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
