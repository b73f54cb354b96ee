// Asks PostgreSQL which transactions are visible, so that a query finds the row of a delivered
// event.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/backoff.hpp"
#include "base/metrics.hpp"
#include "change/log_origin.hpp"
#include "change/position.hpp"
#include "log/readable_end.hpp"
#include "source/connection.hpp"
#include "source/visibility_gate.hpp"

namespace pulse::capture {

// Asks one question at a time, on its own connection, for all waiting transactions, while their
// events are being stored. Moves the readable end. source/visibility_gate.hpp has the rules. On the
// capture thread, whose context it does not outlive.
class delivery_gate {
 public:
  struct parts {
    std::string project;
    source::database_target target;
    source::visibility_gate::without_answer without_answer{};
    metrics* figures = nullptr;
    log::readable_end* readable = nullptr;
    std::function<void()> on_moved;  // it may only hand the news on
  };
  delivery_gate(boost::asio::io_context& context, parts with);

  // Starts to ask. `stored`: the end of earlier runs' events, of the database `whose`.
  void start(const position& stored, const log_origin& whose);
  // Ends every wait.
  void stop();

  // Capture has connected, perhaps to another server: asks that one from now on.
  void follow(const log_origin& whose);
  // See source::visibility_gate::add().
  void add(std::uint32_t xid, const position& through);

 private:
  using time_point = std::chrono::steady_clock::time_point;

  boost::asio::awaitable<void> ask();
  boost::asio::awaitable<void> watch_time();
  source::async_result<> open();
  source::async_result<source::snapshot> question();
  source::async_result<> ask_once();
  boost::asio::awaitable<void> sleep_until(time_point end);
  void publish();
  void tell_of_blindness();
  void tell_of_waiting(time_point now);

  boost::asio::io_context* context_;
  parts with_;
  source::visibility_gate gate_;
  source::question_pace pace_;
  std::unique_ptr<source::connection> database_;  // ask() alone closes it
  bool outdated_ = false;                         // another server is to be asked
  std::string identity_;                          // of the database; empty: not known yet
  boost::asio::steady_timer sleep_timer_;         // of ask()
  boost::asio::steady_timer watch_timer_;
  bool idle_ = false;  // ask() sleeps until something is to be asked
  bool watches_nothing_ = false;
  bool stopping_ = false;
  std::stop_source opens_nothing_more_;
  backoff retry_;
  std::string problem_;        // of the last question
  bool told_blind_ = false;    // since the last answer
  bool told_waiting_ = false;  // since something was passed
  prometheus::Counter& unverified_;
  prometheus::Counter& questions_;
  prometheus::Gauge& waiting_;
};

}  // namespace pulse::capture
