#include "capture/end_finder.hpp"

#include <algorithm>
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
      pause_timer_(context),
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
  pause_timer_.cancel();
}

void end_finder::follow(const log_origin& whose) {
  whose_ = whose;
  outdated_ = true;
  seen_.reset();
  ended_before_ = 0;
  if (database_ && database_->in_use()) database_->cancel();
}

void end_finder::find(taker done) {
  if (stopping_) return done(is_stopping());
  waiting_.ends.push_back(std::move(done));
  rest_timer_.cancel();
}

void end_finder::find_transaction(std::uint64_t xid, place_taker done) {
  if (stopping_) return done(is_stopping());
  if (const auto known = known_place(xid)) return done(known);
  waiting_.transactions.push_back({xid, std::move(done)});
  rest_timer_.cancel();
}

// The stream has the low bits of ids only: which transaction they mean, a snapshot tells.
std::optional<position> end_finder::place_in_stream(std::uint64_t xid,
                                                    const source::snapshot& seen) const {
  const auto low_bits = static_cast<std::uint32_t>(xid);
  return seen.widen(low_bits) == xid ? with_.recent->find(low_bits) : std::nullopt;
}

std::optional<position> end_finder::known_place(std::uint64_t xid) const {
  if (xid < ended_before_) return ended_at_;
  return seen_ ? place_in_stream(xid, *seen_) : std::nullopt;
}

asio::awaitable<void> end_finder::serve() {
  while (!stopping_) {
    if (waiting_.ends.empty() && waiting_.transactions.empty()) {
      co_await rest();
      continue;
    }
    // Whoever comes while the question is under way may have committed since it was answered.
    const auto asked = std::make_shared<const questions>(std::exchange(waiting_, {}));
    const auto found = co_await ask(asked);
    give(*asked, found);
  }
  database_.reset();
  give(std::exchange(waiting_, {}), is_stopping());
}

asio::awaitable<void> end_finder::rest() {
  if (database_) {
    rest_timer_.expires_after(idle_timeout);
  } else {
    rest_timer_.expires_at(std::chrono::steady_clock::time_point::max());
  }
  boost::system::error_code cancelled;
  co_await rest_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (!cancelled) database_.reset();
}

asio::awaitable<void> end_finder::pause_until(std::chrono::steady_clock::time_point end) {
  if (stopping_ || end <= std::chrono::steady_clock::now()) co_return;
  pause_timer_.expires_at(end);
  boost::system::error_code cancelled;
  co_await pause_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

source::async_result<end_finder::answers> end_finder::ask(std::shared_ptr<const questions> what) {
  for (int tried = 1;; ++tried) {
    if (std::exchange(outdated_, false)) database_.reset();
    const bool is_fresh = database_ == nullptr;
    auto found = co_await ask_once(what);
    if (stopping_) co_return is_stopping();
    if (found && !outdated_) {
      learn(*found);
      co_return found;
    }
    database_.reset();
    if (tried == tries_max || (is_fresh && !outdated_)) {
      if (found) co_return error{errc::unavailable, "capture turns to another server", "try again"};
      co_return error{errc::unavailable, found.error().what, found.error().next};
    }
  }
}

source::async_result<end_finder::answers> end_finder::ask_once(
    std::shared_ptr<const questions> what) {
  if (!database_) {
    if (auto opened = co_await open(); !opened) co_return opened.error();
  }
  const auto base = whose_.timeline_base;
  const source::time_limit limit(context_->get_executor(), answer_timeout,
                                 [this] { database_->cancel(); });
  auto found = co_await question(what);
  if (limit.passed()) co_return source::no_answer("cannot ask where the WAL ends", answer_timeout);
  if (!found) co_return found.error();
  if (found->end) {
    found->end->at.timeline += base;
    found->end->written.timeline += base;
  }
  co_return found;
}

// The snapshot first: what had ended then is before the end that is found after it.
source::async_result<end_finder::answers> end_finder::question(
    std::shared_ptr<const questions> what) {
  answers found;
  bool wants_end = !what->ends.empty();
  if (!what->transactions.empty()) {
    auto seen = co_await source::read_snapshot(database_.get());
    if (!seen) co_return seen.error();
    found.seen = std::move(seen).value();
    if (!wants_end && lacks_any(*what, *found.seen)) {
      co_await pause_until(std::chrono::steady_clock::now() + arrival_grace);
      wants_end = lacks_any(*what, *found.seen);
    }
  }
  if (!wants_end) co_return found;
  co_await pause_until(next_barrier_);
  if (stopping_) co_return is_stopping();
  next_barrier_ = std::chrono::steady_clock::now() + barrier_interval;
  auto end = co_await source::find_history_end(database_.get());
  if (!end) co_return end.error();
  note(*end);
  found.end = std::move(end).value();
  co_return found;
}

// Whether a transaction has ended of which it is not known where.
bool end_finder::lacks_any(const questions& what, const source::snapshot& seen) const {
  return std::ranges::any_of(what.transactions, [&](const wanted_transaction& one) {
    return seen.has_ended(one.xid) && !place_in_stream(one.xid, seen);
  });
}

void end_finder::learn(const answers& found) {
  if (!found.seen) return;
  seen_ = found.seen;
  if (!found.end) return;
  ended_before_ = found.seen->xmin;
  ended_at_ = found.end->written;
}

void end_finder::give(const questions& what, const result<answers>& found) const {
  for (const auto& done : what.ends) {
    if (!found) {
      done(found.error());
    } else {
      done(end_mark{found->end->at, found->end->is_barrier});
    }
  }
  for (const auto& one : what.transactions) {
    if (!found) {
      one.done(found.error());
      continue;
    }
    place ended = known_place(one.xid);
    if (!ended && found->end && found->seen->has_ended(one.xid)) ended = found->end->written;
    one.done(ended);
  }
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
