// A limit on the time of a wait.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "base/error.hpp"

namespace pulse::source {

inline error no_answer(std::string_view doing, std::chrono::milliseconds timeout) {
  return {errc::unavailable, fmt::format("{}: no answer within {} ms", doing, timeout.count()),
          "check that PostgreSQL runs and is reachable"};
}

// Calls `at_end` after the time, unless it is destroyed before. On the executor's thread.
class time_limit {
 public:
  time_limit(const boost::asio::any_io_executor& executor, std::chrono::milliseconds timeout,
             std::function<void()> at_end)
      : timer_(executor, timeout) {
    // The handler may run after the destruction, if the time had just passed.
    timer_.async_wait([state = state_, at_end = std::move(at_end)](const auto& cancelled) {
      if (cancelled || *state != state_of::running) return;
      *state = state_of::passed;
      at_end();
    });
  }
  ~time_limit() {
    if (*state_ == state_of::running) *state_ = state_of::over;
  }
  time_limit(const time_limit&) = delete;
  time_limit& operator=(const time_limit&) = delete;

  bool passed() const { return *state_ == state_of::passed; }

 private:
  enum class state_of { running, passed, over };
  std::shared_ptr<state_of> state_ = std::make_shared<state_of>(state_of::running);
  boost::asio::steady_timer timer_;
};

}  // namespace pulse::source
