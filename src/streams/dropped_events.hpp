// Events that subscribe() dropped because its consumers were too slow: counted, and logged seldom.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/logging.hpp"
#include "streams/delivery_figures.hpp"
#include "streams/stream_state.hpp"

namespace pulse::streams {

// Of one project. One owner; not thread-safe.
class dropped_events {
 public:
  dropped_events(std::string project, delivery_figures& figures)
      : project_(std::move(project)), figures_(&figures) {}

  void add(stream_state& stream, std::uint64_t count) {
    stream.dropped += count;
    figures_->dropped += count;
    unsaid_ += count;
  }

  // Time has passed. A consumer that is too slow is so for every event.
  void tick(std::chrono::steady_clock::time_point now) {
    if (unsaid_ == 0 || (said_ && now - *said_ < said_interval)) return;
    said_ = now;
    log_warning("streams", "events dropped for slow subscribe() consumers",
                {{"project", project_}, {"events", std::exchange(unsaid_, 0)}});
  }

 private:
  static constexpr std::chrono::minutes said_interval{1};

  std::string project_;
  delivery_figures* figures_;
  std::uint64_t unsaid_ = 0;
  std::optional<std::chrono::steady_clock::time_point> said_;
};

}  // namespace pulse::streams
