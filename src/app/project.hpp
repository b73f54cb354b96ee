// One project put together: its log, its capture, its streams.
#pragma once

#include "capture/capture.hpp"
#include "capture/gap_keeper.hpp"
#include "config/config.hpp"
#include "requests/prisma_schema.hpp"
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "app/event_watch.hpp"
#include "app/log_figures.hpp"
#include "base/metrics.hpp"
#include "control/control_thread.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"
#include "log/spill_area.hpp"
#include "server/registry.hpp"
#include "streams/cursor_lag.hpp"
#include "streams/hub.hpp"
#include "streams/seek.hpp"

namespace pulse::app {

// Lives on the delivery thread; its capture has a thread of its own, and so has its log.
class project final : public server::project_service, public std::enable_shared_from_this<project> {
 public:
  struct parts {
    config::project_config config;
    std::filesystem::path data_dir;  // of the whole server
    std::size_t projects = 1;        // that share its volume
    boost::asio::any_io_executor delivery;
    std::shared_ptr<control::control_thread> control;
    metrics* figures = nullptr;
    std::function<void(const error&)> on_setup_refused;  // on the delivery thread
    std::optional<event_watcher> watcher;                // of its events; nothing: nobody looks on
    // From the state store, as the last run left them.
    log_origin whose;
    source::slot_history slot = source::slot_history::none;
    std::optional<source::published_memory> published;
    std::shared_ptr<const catalog> last_catalog;
    std::vector<control::cursor_row> cursors;
    std::vector<control::stored_gap> gaps;
  };

  // Opens the log (recovering it) and reads the database URL. Nothing is connected yet.
  static result<std::shared_ptr<project>> open(parts with);
  ~project() override;

  void start();
  // Capture ends from here on, without being waited for.
  void begin_stop();
  // Stops capture, then ends every stream and saves the cursors; `done` on the delivery thread.
  void stop(std::function<void()> done);

  // Takes of the settings what can change while it runs: retention, and limits of streams that open
  // from now on.
  void use(const config::project_config& config);

  capture::gap_keeper& gaps() { return *gaps_; }
  // Skips the change at which capture is stopped; see capture::skip(). On the delivery thread,
  // `done` too.
  void skip_change(lsn at, std::function<void(result<control::stored_gap>)> done);
  const std::string& name() const { return with_.config.name; }
  const source::database_target& target() const { return target_; }

  // Of a cursor that stands at `at`; see streams/cursor_lag.hpp. Any thread.
  result<streams::cursor_lag> measure_lag(const streams::cursor_key& key, const position& at,
                                          std::uint64_t events_max, const timelines& history) const;
  // By which the database has come to where it is. On the delivery thread.
  const timelines& history() const { return with_.whose.history; }
  // See streams/seek.hpp. Any thread.
  result<position> find_position(const streams::seek_target& target,
                                 const timelines& history) const;

  bool event_persistence() const override { return with_.config.event_persistence; }
  streams::hub& streams() override { return *hub_; }
  void complete(requests::model& wanted) const override { schema_.complete(wanted); }
  void resolve(const requests::stream_request& wanted, resolved done) override;
  void tick(std::chrono::steady_clock::time_point now) override;
  capture_status capture() const override;
  std::size_t open_gaps() const override { return gaps_->open(); }
  std::string not_ready() const override;

 private:
  explicit project(parts with) : with_(std::move(with)) {}
  result<void> open_storage();
  result<void> open_log(const std::filesystem::path& directory);
  log::retention_policy retention() const;
  void record_damage(const log::damaged_stretch& lost, std::function<void(result<void>)> done);
  bool waits_for_visibility() const;
  void log_moved();
  void post_progress();
  void look_for_expiry(std::chrono::steady_clock::time_point now);
  void catalog_read(std::shared_ptr<const catalog> known, std::function<void()> kept);
  void keep_catalog(std::function<void()> kept);
  result<server::resolved_table> resolve_from(const catalog& known,
                                              const requests::stream_request& wanted,
                                              const position& flushed) const;
  bool fits(const catalog& known, const catalog_table& table,
            const requests::stream_request& wanted) const;

  parts with_;
  source::database_target target_;
  std::unique_ptr<log::relation_store> relations_;
  std::unique_ptr<log::event_log> log_;
  log::readable_end deliverable_;
  std::unique_ptr<log::spill_area> spill_;
  std::shared_ptr<streams::cursor_store> cursors_;
  std::unique_ptr<streams::hub> hub_;
  std::shared_ptr<capture::gap_keeper> gaps_;
  std::vector<position> skipped_;  // as the last run left them
  std::unique_ptr<capture::capture> capture_;
  std::unique_ptr<event_watch> watch_;
  std::shared_ptr<const catalog> catalog_;
  bool catalog_unsaved_ = false;  // the store has refused it, and is asked again at the next tick
  requests::prisma_schema schema_;
  std::atomic<bool> progress_posted_{false};

  std::optional<log_figures> figures_;
  std::chrono::steady_clock::time_point last_expiry_look_{};
};

}  // namespace pulse::app
