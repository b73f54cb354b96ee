// Asks PostgreSQL where its history ends and which transactions have, beside the stream of changes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "capture/recent_transactions.hpp"
#include "change/log_origin.hpp"
#include "server/registry.hpp"
#include "source/connection.hpp"
#include "source/database_url.hpp"
#include "source/history_end.hpp"
#include "source/snapshot.hpp"

namespace pulse::capture {

// Has a connection of its own, because a question must wait neither for a catalog that is being
// read nor for a stream that is busy. The connection is opened for the first question and closed
// when nobody has asked for a while. One question at a time answers all that came before it began:
// it writes one message at most, however many ask. On the capture thread, whose context it does not
// outlive.
class end_finder {
 public:
  // PostgreSQL has this long to let a connection in, and this long to answer.
  static constexpr std::chrono::seconds open_timeout{3};
  static constexpr std::chrono::seconds answer_timeout{3};
  // An idle connection occupies one of PostgreSQL's max_connections.
  static constexpr std::chrono::seconds idle_timeout{60};
  // A transaction that has ended and is not in the stream yet comes within this time, or has
  // published nothing: then a message is written.
  static constexpr std::chrono::milliseconds arrival_grace{2};
  // Between two barriers: each takes a transaction's id and a flush of PostgreSQL's WAL, and
  // whoever has an API key can ask without end.
  static constexpr std::chrono::milliseconds barrier_interval{10};

  struct parts {
    std::string project;
    source::database_target target;
    metrics* figures = nullptr;
    const recent_transactions* recent = nullptr;
  };
  end_finder(boost::asio::io_context& context, parts with);

  void start(const log_origin& whose);
  // Refuses whoever waits.
  void stop();

  // Capture has connected, perhaps to another server: asks that one from now on.
  void follow(const log_origin& whose);
  // See project_service::find_end().
  using end_mark = server::project_service::end_mark;
  using taker = std::function<void(const result<end_mark>&)>;
  void find(taker done);
  // See captured_history::find_transaction().
  using place = server::captured_history::transaction_place;
  using place_taker = std::function<void(const result<place>&)>;
  void find_transaction(std::uint64_t xid, place_taker done);

 private:
  struct wanted_transaction {
    std::uint64_t xid = 0;
    place_taker done;
  };
  // Of one turn.
  struct questions {
    std::vector<taker> ends;
    std::vector<wanted_transaction> transactions;
  };
  struct answers {
    std::optional<source::snapshot> seen;    // if transactions are wanted
    std::optional<source::history_end> end;  // if an end is wanted, or a transaction needs it
  };

  boost::asio::awaitable<void> serve();
  source::async_result<answers> ask(std::shared_ptr<const questions> what);
  source::async_result<answers> ask_once(std::shared_ptr<const questions> what);
  source::async_result<answers> question(std::shared_ptr<const questions> what);
  source::async_result<> open();
  boost::asio::awaitable<void> rest();
  boost::asio::awaitable<void> pause_until(std::chrono::steady_clock::time_point end);
  bool lacks_any(const questions& what, const source::snapshot& seen) const;
  std::optional<position> place_in_stream(std::uint64_t xid, const source::snapshot& seen) const;
  std::optional<position> known_place(std::uint64_t xid) const;
  void learn(const answers& found);
  void give(const questions& what, const result<answers>& found) const;
  void note(const source::history_end& end);

  boost::asio::io_context* context_;
  parts with_;
  log_origin whose_;       // which is asked
  bool outdated_ = false;  // since the last question began, another server is to be asked
  std::unique_ptr<source::connection> database_;  // serve() alone closes it
  questions waiting_;
  std::optional<source::snapshot> seen_;  // the last one, of the server that is asked
  // Transactions with lower ids had ended before this position.
  std::uint64_t ended_before_ = 0;
  position ended_at_;
  boost::asio::steady_timer rest_timer_;
  boost::asio::steady_timer pause_timer_;
  std::chrono::steady_clock::time_point next_barrier_{};
  bool stopping_ = false;
  std::stop_source opens_nothing_more_;
  bool told_refused_ = false;  // since the last barrier
  prometheus::Counter& written_;
  prometheus::Counter& refused_;
};

}  // namespace pulse::capture
