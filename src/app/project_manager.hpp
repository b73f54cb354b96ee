// All projects of the server: they come and go while it runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "app/event_watch.hpp"
#include "app/opened_project.hpp"
#include "app/project.hpp"
#include "app/project_not_serving.hpp"
#include "base/error.hpp"
#include "base/metrics.hpp"
#include "config/config.hpp"
#include "control/control_thread.hpp"

namespace pulse::app {

enum class project_state {
  opening,  // what it has stored is being read
  serving,
  failed,   // what it has stored cannot be opened; stays so until it is removed
  closing,  // being removed; another of its name can be added when it has gone
};

// Lives on the delivery thread, where all calls and answers are. What takes as long as a disk or a
// database (opening a log, the end of capture, closing a log) is done on threads of its own, a few
// projects at a time, so that no project waits for another one that is served.
class project_manager final : public std::enable_shared_from_this<project_manager> {
 public:
  // Projects whose logs are opened at the same time, and whose logs are closed.
  static constexpr std::size_t busy_max = 2;

  struct parts {
    std::filesystem::path data_dir;
    boost::asio::any_io_executor delivery;
    std::shared_ptr<control::control_thread> control;
    metrics* figures = nullptr;
    std::optional<event_watcher> watcher;  // of all projects' events; nothing: nobody looks on
    std::function<void(project&)> on_serving;
    std::function<void(const std::string& name, const error&)> on_failed;
    std::function<void(const error&)> on_setup_refused;
    // Called on one of the threads; tests replace it.
    std::function<result<opened_project>(const config::project_config&,
                                         const std::filesystem::path& data_dir)>
        open = open_project;
  };

  explicit project_manager(parts with);
  // Waits for what is under way, then closes what stop() has not closed.
  ~project_manager();
  project_manager(const project_manager&) = delete;
  project_manager& operator=(const project_manager&) = delete;

  // Returns at once; the project is opening then, and serving or failed later. Its keys are none
  // of the manager's affairs. errc::conflict: there is one of this name. errc::unavailable: stop()
  // was called.
  result<void> add(const config::project_config& config);

  // Nobody finds the project from here on, so its keys open nothing. Its streams end
  // (end_reason::project_removed), what has been captured becomes durable, cursors are saved.
  // `done` when nobody uses any of it any more, all files are closed and its metrics are dropped.
  // What it has stored stays, in the data directory and in the database. errc::not_found.
  void remove(const std::string& name, std::function<void(result<void>)> done);

  // Removes all, because the server ends: streams end with end_reason::shutdown. What is waiting to
  // be opened is not opened any more; what is being opened is waited for.
  void stop(std::function<void()> done);

  // Takes of the settings what can change while the project runs; see project::use().
  void use(const config::project_config& config);

  // With those that are opening, failed and closing.
  std::size_t size() const { return projects_.size(); }
  bool any_opening() const;
  // Nothing: there is none.
  std::optional<project_state> state(const std::string& name) const;
  // errc::unavailable: it is opening; errc::corrupt: it has failed; errc::not_found.
  result<std::shared_ptr<project>> serving(const std::string& name) const;
  std::vector<std::shared_ptr<project>> all_serving() const;

  // Those that the server answers for: all but the ones that are closing. By name.
  std::shared_ptr<server::project_service> find(std::string_view name) const;
  std::vector<std::pair<std::string, std::shared_ptr<server::project_service>>> all() const;

 private:
  struct managed {
    config::project_config config;
    std::optional<config::project_config> used_meanwhile;  // see use(); while it is opening
    project_state state = project_state::opening;
    std::shared_ptr<project_not_serving> stand_in;  // while it is opening, and once it has failed
    std::shared_ptr<project> served;                // while it is serving, and until it has closed
    // Nobody waits for the outcome of opening it any more.
    std::shared_ptr<std::atomic<bool>> unwanted = std::make_shared<std::atomic<bool>>(false);
    std::vector<std::function<void()>> when_gone;

    std::shared_ptr<server::project_service> service() const;
  };
  using managed_map = std::map<std::string, managed, std::less<>>;

  void open(const std::string& name, last_run before);
  void opened(const std::string& name, last_run before, result<opened_project> outcome);
  void serve(managed& one, last_run before, opened_project opened);
  void fail(managed& one, const error& why);
  void close(const std::string& name, managed& one, streams::end_reason reason,
             std::string_view message);
  void gone(const std::string& name);
  void share_volume();
  prometheus::Gauge& open_gauge(const std::string& name);
  std::shared_ptr<project_storage> share(const std::string& name,
                                         std::unique_ptr<project_storage> storage);

  parts with_;
  const std::shared_ptr<rendering::frame_memory> frames_ =
      std::make_shared<rendering::frame_memory>();
  managed_map projects_;
  bool stopping_ = false;
  std::function<void()> when_stopped_;
  std::shared_ptr<boost::asio::thread_pool> openers_;
  // Not those: a log that takes long to open keeps no other project from closing. Reset by the
  // destructor: what ends later is closed where it ends.
  std::shared_ptr<boost::asio::thread_pool> closers_;
};

}  // namespace pulse::app
