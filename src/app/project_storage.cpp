#include "app/project_storage.hpp"

#include <utility>

#include "base/logging.hpp"
#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "log/relation_file.hpp"
#include "log/segment_log.hpp"

namespace pulse::app {
namespace {

// Without event persistence: what subscribe() may be behind by.
constexpr std::uint64_t live_bytes_max = std::uint64_t{16} << 20U;

result<void> open_log(const config::project_config& config, const std::filesystem::path& directory,
                      project_storage& into) {
  if (!config.event_persistence) {
    into.relations = std::make_unique<log::memory_relations>();
    into.log = std::make_unique<log::memory_log>(live_bytes_max);
    return {};
  }
  auto files = log::open_directory(directory, config.name);
  if (!files) return files.error();
  auto relations = log::relation_file::open(**files);
  if (!relations) return relations.error();
  into.relations = std::move(*relations);
  log::segment_log_options options;
  options.segment_bytes = config.segment_bytes;
  options.storage_bytes_max = config.storage_max.value_or(0);
  auto opened = log::segment_log::open(std::move(*files), std::move(options));
  if (!opened) return opened.error();
  into.log = std::move(*opened);
  const auto bounds = into.log->bounds();
  log_info("log", "event log opened",
           {{"project", config.name},
            {"events", bounds.last + 1 - bounds.first},
            {"bytes", bounds.stored_bytes},
            {"covered_through", to_string(bounds.covered_through)}});
  return {};
}

}  // namespace

void log_news::tell(std::function<void()> listener) {
  const std::scoped_lock lock(mutex_);
  listener_ = std::move(listener);
}

void log_news::moved() {
  const std::scoped_lock lock(mutex_);
  if (listener_) listener_();
}

result<std::unique_ptr<project_storage>> open_storage(const config::project_config& config,
                                                      const std::filesystem::path& data_dir) {
  const auto directory = data_dir / "projects" / config.name;
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) {
    return error{errc::io, "making " + directory.string() + ": " + failure.message(),
                 "check the data directory"};
  }
  auto storage = std::make_unique<project_storage>();
  if (auto opened = open_log(config, directory / "log", *storage); !opened) return opened.error();
  auto files = log::open_directory(directory / "spill", config.name);
  if (!files) return files.error();
  auto spill = log::spill_area::open(std::move(*files));
  if (!spill) return spill.error();
  storage->spill = std::move(*spill);
  storage->log->on_progress([news = &storage->news] { news->moved(); });
  return storage;
}

}  // namespace pulse::app
