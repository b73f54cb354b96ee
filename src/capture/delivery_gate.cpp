#include "capture/delivery_gate.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/logging.hpp"
#include "base/unexpected.hpp"
#include "source/primary.hpp"
#include "source/time_limit.hpp"

namespace pulse::capture {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds open_timeout{3};
constexpr std::chrono::milliseconds retry_at_first{20};
constexpr std::chrono::milliseconds retry_at_last{2000};
// A commit that other sessions do not see for this long waits for something.
constexpr std::chrono::seconds told_after{10};
constexpr auto no_end = std::chrono::steady_clock::time_point::max();

}  // namespace

delivery_gate::delivery_gate(asio::io_context& context, parts with)
    : context_(&context),
      with_(std::move(with)),
      gate_(with_.without_answer),
      sleep_timer_(context),
      watch_timer_(context),
      retry_(retry_at_first, retry_at_last, std::hash<std::string>{}(with_.project)),
      unverified_(with_.figures->counter(metric::visibility_unverified, with_.project)),
      questions_(with_.figures->counter(metric::visibility_questions, with_.project)),
      waiting_(with_.figures->gauge(metric::visibility_waiting_transactions, with_.project)) {}

void delivery_gate::start(const position& stored, const log_origin& whose) {
  identity_ = whose.database;
  gate_.begin(stored, std::chrono::steady_clock::now());
  asio::co_spawn(*context_, ask(), end_process_on);
  asio::co_spawn(*context_, watch_time(), end_process_on);
}

void delivery_gate::stop() {
  stopping_ = true;
  opens_nothing_more_.request_stop();
  if (database_) database_->cancel();
  sleep_timer_.cancel();
  watch_timer_.cancel();
}

void delivery_gate::follow(const log_origin& whose) {
  gate_.follow(whose, std::chrono::steady_clock::now());
  identity_ = whose.database;
  outdated_ = true;
  if (database_) database_->cancel();
  sleep_timer_.cancel();
  watch_timer_.cancel();
}

void delivery_gate::add(std::uint32_t xid, const position& through) {
  const auto passed = gate_.passed();
  gate_.add(xid, through, std::chrono::steady_clock::now());
  if (gate_.passed() != passed) return publish();
  waiting_.Set(static_cast<double>(gate_.waiting()));
  if (idle_) sleep_timer_.cancel();
  if (watches_nothing_) watch_timer_.cancel();
}

void delivery_gate::publish() {
  with_.readable->move(gate_.passed());
  if (const auto count = gate_.take_unverified(); count != 0)
    unverified_.Increment(static_cast<double>(count));
  waiting_.Set(static_cast<double>(gate_.waiting()));
  told_waiting_ = false;
  with_.on_moved();
}

asio::awaitable<void> delivery_gate::sleep_until(time_point end) {
  sleep_timer_.expires_at(end);
  boost::system::error_code cancelled;
  co_await sleep_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

// Connected ahead of the first transaction.
asio::awaitable<void> delivery_gate::ask() {
  while (!stopping_) {
    if (identity_.empty() || (database_ && !outdated_ && !gate_.asks())) {
      pace_ = {};
      idle_ = true;
      co_await sleep_until(no_end);
      idle_ = false;
      continue;
    }
    const auto asked = co_await ask_once();
    if (stopping_) break;
    if (asked) continue;
    database_.reset();
    if (outdated_) continue;
    problem_ = asked.error().message();
    co_await sleep_until(std::chrono::steady_clock::now() + retry_.next());
  }
  database_.reset();
}

source::async_result<> delivery_gate::ask_once() {
  const bool other_server = std::exchange(outdated_, false);
  if (!database_ || other_server) {
    if (auto opened = co_await open(); !opened) co_return opened.error();
    if (!gate_.asks()) co_return result<void>();
  }
  const auto seen = co_await question();
  if (!seen) co_return seen.error();
  // What another server has said holds for the ids that it knows.
  if (outdated_) co_return error{errc::cancelled, "asking another server", {}};
  retry_.reset();
  problem_.clear();
  const auto now = std::chrono::steady_clock::now();
  const auto waited = gate_.waited(now);
  const bool passed = gate_.see(*seen, now);
  if (passed) publish();
  waiting_.Set(static_cast<double>(gate_.waiting()));
  tell_of_blindness();
  if (!gate_.waits()) co_return result<void>();
  tell_of_waiting(now);
  co_await sleep_until(now + pace_.next(passed, waited));
  co_return result<void>();
}

source::async_result<source::snapshot> delivery_gate::question() {
  const source::time_limit limit(context_->get_executor(), source::visibility_gate::answer_timeout,
                                 [this] { database_->cancel(); });
  questions_.Increment();
  const bool with_end = gate_.asks_for_end();
  auto reading = with_end ? source::read_snapshot_and_end(database_.get())
                          : source::read_snapshot(database_.get());
  auto seen = co_await std::move(reading);
  if (limit.passed())
    co_return source::no_answer("cannot ask for a snapshot",
                                source::visibility_gate::answer_timeout);
  co_return seen;
}

source::async_result<> delivery_gate::open() {
  database_.reset();
  auto opened = co_await source::connection::open(with_.target, source::connection_kind::sql,
                                                  "pulse " + with_.project + " visibility",
                                                  open_timeout, opens_nothing_more_.get_token());
  if (!opened) co_return opened.error();
  // From here on stop() and follow() can end what it waits for.
  database_ = std::move(opened).value();
  const source::time_limit limit(context_->get_executor(), open_timeout,
                                 [this] { database_->cancel(); });
  co_return co_await source::check_primary(database_.get(), identity_);
}

asio::awaitable<void> delivery_gate::watch_time() {
  while (!stopping_) {
    const auto deadline = gate_.deadline();
    watches_nothing_ = !deadline;
    watch_timer_.expires_at(deadline.value_or(no_end));
    boost::system::error_code cancelled;
    co_await watch_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    // An answer that has come, and that this thread had no time for, counts.
    co_await asio::post(*context_, asio::use_awaitable);
    if (stopping_) co_return;
    if (gate_.look_at_time(std::chrono::steady_clock::now())) publish();
    tell_of_blindness();
  }
}

void delivery_gate::tell_of_blindness() {
  if (gate_.is_blind() == told_blind_) return;
  told_blind_ = gate_.is_blind();
  if (!told_blind_) {
    log_info("capture", "visibility known again: PostgreSQL answers", {{"project", with_.project}});
    return;
  }
  const bool holds = with_.without_answer == source::visibility_gate::without_answer::hold;
  log_warning("capture",
              holds ? "visibility unknown, because PostgreSQL does not answer: events wait"
                    : "visibility unknown, because PostgreSQL does not answer: events are "
                      "delivered without it",
              {{"project", with_.project}, {"reason", problem_.empty() ? "no answer" : problem_}});
}

void delivery_gate::tell_of_waiting(time_point now) {
  if (told_waiting_ || gate_.waited(now) < told_after) return;
  told_waiting_ = true;
  log_warning("capture",
              "committed transaction not visible yet, perhaps because a synchronous standby is "
              "unreachable: its events and all later ones wait",
              {{"project", with_.project}, {"transactions", gate_.waiting()}});
}

}  // namespace pulse::capture
