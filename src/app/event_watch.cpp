#include "app/event_watch.hpp"

#include <utility>

#include "base/logging.hpp"
#include "rendering/frames.hpp"

namespace pulse::app {

event_watch::event_watch(const log::event_log& log, const log::relation_store& relations,
                         const log::readable_end* end, event_watcher to)
    : log_(&log),
      relations_(&relations),
      end_(end),
      to_(std::move(to)),
      after_(log.bounds().last_at),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void event_watch::wake() {
  {
    const std::scoped_lock lock(mutex_);
    news_ = true;
  }
  woken_.notify_one();
}

void event_watch::run(const std::stop_token& stop) {
  const auto reader = log::read_deliverable(*log_, end_, after_, 0);
  rendering::frame_source frames(requests::event_form::native, {}, *relations_,
                                 std::make_shared<rendering::frame_memory>());
  bool told = false;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (!woken_.wait(lock, stop, [this] { return news_; })) return;
      news_ = false;
    }
    // The mark stands once the slot is there and capture has begun to read from it.
    if (!told && log_->bounds().covered_through != lsn()) {
      told = true;
      to_.on_capturing(stop);
    }
    while (!stop.stop_requested()) {
      const auto event = reader->next();
      if (event && *event == nullptr) break;
      const auto frame = event ? frames.frame(**event) : result<std::string_view>(event.error());
      if (!frame) {
        log_error("log", "events not shown any more: the log cannot be read",
                  {{"reason", frame.error().message()}});
        return;
      }
      if (!to_.on_event(*frame, stop)) return;
    }
  }
}

}  // namespace pulse::app
