#include "capture/end_finder.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/logging.hpp"
#include "base/unexpected.hpp"
#include "source/primary.hpp"
#include "source/time_limit.hpp"

namespace pulse::capture {

namespace asio = boost::asio;

namespace {

// A connection that was idle may be gone, and capture may turn to another server meanwhile.
constexpr int tries_max = 3;

error is_stopping() {
  return {errc::unavailable, "the project is closing", "try again"};
}

}  // namespace

end_finder::end_finder(asio::io_context& context, parts with)
    : context_(&context),
      with_(std::move(with)),
      rest_timer_(context),
      written_(with_.figures->counter(metric::barriers, with_.project)),
      refused_(with_.figures->counter(metric::barrier_failures, with_.project)) {}

void end_finder::start(const log_origin& whose) {
  whose_ = whose;
  asio::co_spawn(*context_, serve(), end_process_on);
}

void end_finder::stop() {
  stopping_ = true;
  opens_nothing_more_.request_stop();
  if (database_) database_->cancel();
  rest_timer_.cancel();
}

void end_finder::follow(const log_origin& whose) {
  whose_ = whose;
  outdated_ = true;
  if (database_ && database_->in_use()) database_->cancel();
}

void end_finder::find(taker done) {
  if (stopping_) return done(is_stopping());
  waiting_.push_back(std::move(done));
  rest_timer_.cancel();
}

asio::awaitable<void> end_finder::serve() {
  while (!stopping_) {
    if (waiting_.empty()) {
      co_await rest();
      continue;
    }
    // Whoever comes while the question is under way may have committed since it was answered.
    const auto asked = std::exchange(waiting_, {});
    const auto found = co_await ask();
    for (const auto& done : asked) done(found);
  }
  database_.reset();
  for (const auto& done : std::exchange(waiting_, {})) done(is_stopping());
}

asio::awaitable<void> end_finder::rest() {
  if (database_) {
    rest_timer_.expires_after(idle_timeout);
  } else {
    rest_timer_.expires_at(std::chrono::steady_clock::time_point::max());
  }
  boost::system::error_code cancelled;
  co_await rest_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (!cancelled && waiting_.empty()) database_.reset();
}

source::async_result<end_finder::end_mark> end_finder::ask() {
  for (int tried = 1;; ++tried) {
    if (std::exchange(outdated_, false)) database_.reset();
    const bool is_fresh = database_ == nullptr;
    auto found = co_await ask_once();
    if (stopping_) co_return is_stopping();
    if (found && !outdated_) co_return found;
    database_.reset();
    if (tried == tries_max || (is_fresh && !outdated_)) {
      if (found) co_return error{errc::unavailable, "capture turns to another server", "try again"};
      co_return error{errc::unavailable, found.error().what, found.error().next};
    }
  }
}

source::async_result<end_finder::end_mark> end_finder::ask_once() {
  if (!database_) {
    if (auto opened = co_await open(); !opened) co_return opened.error();
  }
  const auto base = whose_.timeline_base;
  const source::time_limit limit(context_->get_executor(), answer_timeout,
                                 [this] { database_->cancel(); });
  const auto end = co_await source::find_history_end(database_.get());
  if (limit.passed()) co_return source::no_answer("cannot ask where the WAL ends", answer_timeout);
  if (!end) co_return end.error();
  note(*end);
  end_mark mark{end->at, end->is_barrier};
  mark.at.timeline += base;
  co_return mark;
}

source::async_result<> end_finder::open() {
  if (whose_.database.empty())
    co_return error{errc::unavailable, "capture has not reached the database yet", "try again"};
  auto opened = co_await source::connection::open(with_.target, source::connection_kind::sql,
                                                  "pulse " + with_.project + " end", open_timeout,
                                                  opens_nothing_more_.get_token());
  if (!opened) co_return opened.error();
  // From here on stop() and follow() can end what it waits for.
  database_ = std::move(opened).value();
  const source::time_limit limit(context_->get_executor(), open_timeout,
                                 [this] { database_->cancel(); });
  co_return co_await source::check_primary(database_.get(), whose_.database);
}

void end_finder::note(const source::history_end& end) {
  if (end.is_barrier) {
    told_refused_ = false;
    return written_.Increment();
  }
  refused_.Increment();
  if (std::exchange(told_refused_, true)) return;
  log_warning(
      "capture",
      "barrier not written: the end of the WAL is known only as far as it was flushed, and "
      "commits with synchronous_commit = off may be after it",
      {{"project", with_.project},
       {"reason", end.refusal},
       {"next", "grant EXECUTE on pg_logical_emit_message(boolean, text, text) to the role"}});
}

}  // namespace pulse::capture
