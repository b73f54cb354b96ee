// Watches a project's events: all tables, in commit order, when streams may receive them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>

#include "base/error.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"

namespace pulse::app {

// Both are called on the watch's own thread, and return soon once a stop is requested.
struct event_watcher {
  // Called once: later commits are captured.
  std::function<void(const std::stop_token&)> on_capturing;
  // A native event (docs/native_events.md). False: no more are wanted.
  std::function<bool(std::string_view json, const std::stop_token&)> on_event;
};

// Reads from the log on its own thread, so that a slow watcher, or one that waits for a paused
// terminal, delays no stream and takes no memory.
class event_watch {
 public:
  // From where the log ends now. Null `end`: as far as it is durable. All of them outlive it.
  event_watch(const log::event_log& log, const log::relation_store& relations,
              const log::readable_end* end, event_watcher to);
  // Waits for the watcher to return.
  ~event_watch() = default;
  event_watch(const event_watch&) = delete;
  event_watch& operator=(const event_watch&) = delete;

  // There may be more to read. Any thread.
  void wake();

 private:
  void run(const std::stop_token& stop);

  const log::event_log* log_;
  const log::relation_store* relations_;
  const log::readable_end* end_;
  event_watcher to_;
  position after_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  bool news_ = true;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace pulse::app
