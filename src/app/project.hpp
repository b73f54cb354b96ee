// One project put together: its log, its capture, its streams.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "app/event_watch.hpp"
#include "app/last_run.hpp"
#include "app/log_figures.hpp"
#include "app/project_history.hpp"
#include "app/project_storage.hpp"
#include "base/metrics.hpp"
#include "capture/capture.hpp"
#include "capture/gap_keeper.hpp"
#include "config/config.hpp"
#include "control/control_thread.hpp"
#include "requests/prisma_schema.hpp"
#include "server/registry.hpp"
#include "streams/cursor_lag.hpp"
#include "streams/hub.hpp"
#include "streams/pulls.hpp"
#include "streams/seek.hpp"

namespace pulse::app {

// Lives on the delivery thread, where its last owner must let it go; its capture has a thread of
// its own, and so has its log.
class project final : public server::project_service, public std::enable_shared_from_this<project> {
 public:
  struct parts {
    config::project_config config;
    std::filesystem::path data_dir;  // of the whole server
    std::size_t projects = 1;        // that share its volume
    boost::asio::any_io_executor delivery;
    boost::asio::any_io_executor reading;  // another thread, where the log is searched
    std::shared_ptr<control::control_thread> control;
    metrics* figures = nullptr;
    std::function<void(const error&)> on_setup_refused;  // on the delivery thread
    std::optional<event_watcher> watcher;                // of its events; nothing: nobody looks on
    std::shared_ptr<rendering::frame_memory> frames;     // of all projects
    last_run before;                                     // as the state store has it
    // As open_project() has found them. The storage is shared with the hub, which sessions share.
    source::database_target target;
    requests::prisma_schema schema;
    std::shared_ptr<project_storage> storage;
  };

  // Nothing is connected yet.
  static std::shared_ptr<project> make(parts with);
  ~project() override;

  void start();
  // Capture ends from here on, without being waited for.
  void begin_close();
  // Ends capture, which is waited for on `elsewhere`, then every stream, and saves the cursors;
  // `done` on the delivery thread. Once. Closed, it must not be asked for anything any more.
  void close(streams::end_reason reason, std::string message,
             const boost::asio::any_io_executor& elsewhere, std::function<void()> done);

  // Takes of the settings what can change while it runs: retention, and limits of streams that open
  // from now on.
  void use(const config::project_config& config);
  // So many projects share the volume now.
  void share_volume(std::size_t projects);

  capture::gap_keeper& gaps() { return *gaps_; }
  // Skips the change at which capture is stopped; see capture::skip(). On the delivery thread,
  // `done` too.
  void skip_change(lsn at, std::function<void(result<control::stored_gap>)> done);
  const std::string& name() const { return with_.config.name; }
  const source::database_target& target() const { return with_.target; }

  // Of a cursor that stands at `at`; see streams/cursor_lag.hpp. Any thread.
  result<streams::cursor_lag> measure_lag(const streams::cursor_key& key, const position& at,
                                          std::uint64_t events_max, const timelines& history) const;
  // By which the database has come to where it is. On the delivery thread.
  const timelines& followed_history() const { return with_.before.whose.history; }
  // See streams/seek.hpp. Any thread.
  result<position> find_position(const streams::seek_target& target,
                                 const timelines& history) const;

  bool event_persistence() const override { return with_.config.event_persistence; }
  std::shared_ptr<streams::hub> streams() override { return hub_; }
  std::shared_ptr<streams::pulls> pulls() override { return pulls_; }
  void complete(requests::model& wanted) const override { with_.schema.complete(wanted); }
  void resolve(const requests::stream_request& wanted, resolved done) override;
  void find_end(std::function<void(result<end_mark>)> done) override;
  std::optional<server::resolved_table> resolve_at_hand(
      const requests::stream_request& wanted) const override;
  void find_start(const streams::seek_target& target, found_start done) override;
  server::captured_history* history() override { return captured_ ? &*captured_ : nullptr; }
  void tick(std::chrono::steady_clock::time_point now) override;
  capture_status capture() const override;
  std::size_t open_gaps() const override { return gaps_->open(); }
  std::string not_ready() const override;

 private:
  explicit project(parts with) : with_(std::move(with)) {}
  void open_hub();
  capture::capture::parts capture_parts();
  log::retention_policy retention() const;
  void use_retention();
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
  std::shared_ptr<streams::cursor_store> cursors_;
  std::shared_ptr<streams::hub> hub_;
  std::shared_ptr<streams::pulls> pulls_;
  std::shared_ptr<capture::gap_keeper> gaps_;
  std::unique_ptr<capture::capture> capture_;
  std::optional<project_history> captured_;
  std::unique_ptr<event_watch> watch_;
  std::shared_ptr<const catalog> catalog_;
  bool catalog_unsaved_ = false;  // the store has refused it, and is asked again at the next tick
  std::atomic<bool> progress_posted_{false};

  std::optional<log_figures> figures_;
  std::chrono::steady_clock::time_point last_expiry_look_{};
};

}  // namespace pulse::app
