// What one project keeps on disk, open: its event log, the relations of that, its spill area.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>

#include "base/error.hpp"
#include "config/config.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"
#include "log/spill_area.hpp"

namespace pulse::app {

// Tells whoever listens that the log has moved. The log may outlive its listener.
class log_news {
 public:
  // Nothing: nobody listens any more, and the last call has returned. Any thread but the log's.
  void tell(std::function<void()> listener);
  // On the log's thread.
  void moved();

 private:
  std::mutex mutex_;
  std::function<void()> listener_;
};

// Lives as long as anybody reads from it; closing it waits until the log has written what was
// appended.
struct project_storage {
  log_news news;  // outlives the log, which tells it
  std::unique_ptr<log::relation_store> relations;
  std::unique_ptr<log::event_log> log;
  log::readable_end deliverable;
  std::unique_ptr<log::spill_area> spill;
};

// Recovers what is there, or makes it; without event persistence all but the spill area is in
// memory. Takes as long as the disk needs: any thread but the delivery thread, while others are
// served. Errors are those of log::open_directory(), log::segment_log and log::relation_file.
result<std::unique_ptr<project_storage>> open_storage(const config::project_config& config,
                                                      const std::filesystem::path& data_dir);

}  // namespace pulse::app
