#include "capture/slot_watch.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/logging.hpp"

namespace pulse::capture {

using source::retention_level;

slot_watch::slot_watch(metrics& figures, std::string project)
    : project_(std::move(project)),
      kept_(figures.gauge(metric::slot_retained_wal_bytes, project_)),
      safe_(figures.gauge(metric::slot_safe_wal_bytes, project_)) {
  safe_.Set(std::numeric_limits<double>::infinity());
}

void slot_watch::see(const std::string& slot, const source::slot_retention& now) {
  kept_.Set(static_cast<double>(now.kept_bytes));
  safe_.Set(now.safe_bytes ? static_cast<double>(*now.safe_bytes)
                           : std::numeric_limits<double>::infinity());
  const auto level = source::level_of(now);
  if (level == std::exchange(level_, level)) return;
  const auto tell = [&](log_level as, std::string_view what) {
    log_event(as, "capture", what,
              {{"project", project_},
               {"slot", slot},
               {"kept_bytes", now.kept_bytes},
               {"safe_bytes", now.safe_bytes.value_or(0)},
               {"wal_status", now.wal_status}});
  };
  if (level == retention_level::fine) {
    warning_.clear();
    return tell(log_level::info, "replication slot is far from max_slot_wal_keep_size again");
  }
  warning_ =
      level == retention_level::near
          ? fmt::format("the replication slot {} uses more than half of max_slot_wal_keep_size",
                        slot)
          : fmt::format(
                "PostgreSQL may drop WAL that the replication slot {} needs at its next "
                "checkpoint: that would be a gap",
                slot);
  warning_ += "; end long transactions, read /capturez, or raise max_slot_wal_keep_size";
  tell(level == retention_level::near ? log_level::warning : log_level::error, warning_);
}

}  // namespace pulse::capture
