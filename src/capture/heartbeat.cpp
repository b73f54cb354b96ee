#include "capture/heartbeat.hpp"

#include <utility>

#include "base/logging.hpp"

namespace pulse::capture {

heartbeat::heartbeat(metrics& figures, std::string project, std::chrono::seconds interval)
    : project_(std::move(project)),
      interval_(interval),
      written_(figures.counter(metric::heartbeats, project_)),
      failed_(figures.counter(metric::heartbeat_failures, project_)) {}

bool heartbeat::due(lsn received, lsn flushed, time_point now) {
  if (!wanted()) return false;
  if (received != received_ || flushed <= received || since_ == time_point{}) {
    received_ = received;
    since_ = now;
    return false;
  }
  if (now - since_ < interval_) return false;
  since_ = now;
  return true;
}

void heartbeat::wrote(const result<void>& outcome) {
  if (outcome) {
    failing_ = false;
    return written_.Increment();
  }
  failed_.Increment();
  if (std::exchange(failing_, true)) return;
  log_warning("capture", "heartbeat not written: the slot of an idle database may not advance",
              {{"project", project_},
               {"reason", outcome.error().message()},
               {"next",
                "grant EXECUTE on pg_logical_emit_message(boolean, text, text) to the role, or "
                "set heartbeat_interval = \"off\""}});
}

}  // namespace pulse::capture
