// The hot half of capture: messages to the log, and what is durable back to the server.
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/logging.hpp"
#include "capture/capture_session.hpp"
#include "pgoutput/copy_data.hpp"

namespace pulse::capture {

namespace asio = boost::asio;

namespace {

// Appended and not yet durable: beyond this nothing more is read from the replication socket, and
// TCP holds the server back.
constexpr std::uint64_t pending_bytes_max = std::uint64_t{32} << 20U;
// A connection on which more came at once is not kept: its buffer never shrinks. Anybody who may
// log in can send as much as PostgreSQL takes (pg_logical_emit_message; 1 GB).
constexpr std::size_t message_bytes_kept_max = std::size_t{64} << 20U;
// Of a committed transaction: between two portions others have their turn.
constexpr std::size_t replay_portion_bytes = std::size_t{256} << 10U;
constexpr std::chrono::milliseconds house_interval{500};
constexpr std::chrono::seconds trim_interval{30};
constexpr std::chrono::seconds lag_interval{5};

}  // namespace

// What holds decoding up is dealt with before the next message is decoded; what was received with
// its cause is kept meanwhile, at most one portion.
source::async_result<> capture::take_messages(std::shared_ptr<session> one) {
  std::deque<std::string> kept;
  result<void> taken;
  const source::connection::receive_bounds bounds;
  const auto received =
      co_await one->replication->receive(bounds, [&](std::string_view bytes) -> result<void> {
        if (intake_.held_up()) {
          kept.emplace_back(bytes);
          return {};
        }
        taken = intake_.take(as_byte_view(bytes));
        return taken;
      });
  if (!taken) co_return taken.error();
  // What came before the server's error or the end of the connection counts: where capture stands
  // at a change that PostgreSQL cannot send, all that was committed before is stored.
  while (intake_.held_up()) {
    if (auto cleared = co_await clear_the_way(one); !cleared) co_return cleared.error();
    while (!kept.empty() && !intake_.held_up()) {
      const auto message = std::move(kept.front());
      kept.pop_front();
      if (taken = intake_.take(as_byte_view(message)); !taken) co_return taken.error();
    }
  }
  one->ran_dry = !received;
  co_return received;
}

// A table that the catalog does not know as it is, or with a type that it does not know, waits
// until the catalog has been read again.
source::async_result<> capture::clear_the_way(std::shared_ptr<session> one) {
  if (streamed_.out_of_space()) co_return co_await wait_for_spill();
  if (!ingest_.waits()) co_return co_await go_on_replaying();
  if (auto visible = co_await wait_until_visible(one); !visible) co_return visible.error();
  if (ingest_.has_unsent()) {
    if (auto told = co_await tell_of_unsent(one); !told) co_return told.error();
    if (!ingest_.needs_catalog()) co_return result<void>();
  }
  auto read = co_await refresh_outdated(one->database.get());
  if (!read) co_return read.error();
  ingest_.note_read(one->sees_waited_for ? std::optional(read_before_) : std::nullopt);
  co_return ingest_.resolve_with((*read)->types);
}

// A large transaction has committed: it goes to the log portion by portion, as fast as the log
// takes it.
source::async_result<> capture::go_on_replaying() {
  while (streamed_.replaying() && !ingest_.waits()) {
    if (auto room = co_await wait_for_log(); !room) co_return room.error();
    if (auto gone_on = intake_.replay(replay_portion_bytes); !gone_on) co_return gone_on.error();
    heard();
    ingest_.publish_figures();
    streamed_.publish_figures();
    // Others on this thread have their turn: feedback keeps the connection alive.
    co_await asio::post(asio::use_awaitable);
    if (stopping_) co_return error{errc::cancelled, "stopping", {}};
  }
  co_return result<void>();
}

// Nothing is read meanwhile, so that PostgreSQL keeps what does not fit.
source::async_result<> capture::wait_for_spill() {
  log_error("capture",
            "disk full: capture waits, because a transaction in progress cannot be spilled",
            {{"project", with_.project.name}});
  waits_for_spill_ = true;
  while (streamed_.out_of_space()) {
    if (auto waited = co_await pause(std::chrono::milliseconds(500)); !waited) {
      co_return waited.error();
    }
    if (auto tried = streamed_.retry(); !tried) co_return tried.error();
    heard();
  }
  waits_for_spill_ = false;
  log_info("capture", "disk has room again: capture continues", {{"project", with_.project.name}});
  co_return result<void>();
}

source::async_result<> capture::stream(std::shared_ptr<session> one) {
  while (!stopping_ && !connects_again_) {
    if (auto room = co_await wait_for_log(); !room) co_return room.error();
    if (auto taken = co_await take_messages(one); !taken) co_return taken.error();
    heard();
    ingest_.publish_figures();
    streamed_.publish_figures();
    if (intake_.answer_due(std::chrono::steady_clock::now())) {
      if (auto sent = co_await confirm(one); !sent) co_return sent.error();
    }
    give_buffer_back(*one);
  }
  co_return error{errc::cancelled, "stopping", {}};
}

// Not before what has come is stored, so that the next connection does not get the same again.
void capture::give_buffer_back(session& one) {
  if (one.replication->largest_message() <= message_bytes_kept_max) return;
  if (ingest_.in_transaction() || streamed_.waiting()) return;
  if (!one.came_with_large) one.came_with_large = intake_.behind_all();
  if (with_.log->bounds().covered_through >= *one.came_with_large)
    connect_again("very large message received: capture reconnects to free its buffer");
}

source::async_result<> capture::wait_for_log() {
  while (with_.log->bounds().pending_bytes > pending_bytes_max) {
    if (stopping_) co_return error{errc::cancelled, "stopping", {}};
    // The timer is only in case that the news was missed between the look and the wait.
    log_timer_.expires_after(std::chrono::milliseconds(100));
    waits_for_log_ = true;
    boost::system::error_code cancelled;
    co_await log_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    waits_for_log_ = false;
  }
  co_return result<void>();
}

void capture::log_progress() {
  if (!waits_for_log_.exchange(false)) return;
  asio::post(context_, [this] { log_timer_.cancel(); });
}

source::async_result<> capture::confirm(std::shared_ptr<session> one) {
  const auto feedback = intake_.take_feedback(std::chrono::steady_clock::now());
  // A server that has nothing to send may say so rarely, or never (wal_sender_timeout = 0): asked,
  // it answers at once, and silence means that it is away.
  const pgoutput::status_update update{feedback.written, feedback.flushed, feedback.flushed,
                                       was_silent_for(source::confirm_rules::feedback_interval)};
  const auto bytes = pgoutput::format_status_update(update, system_clock_source().now());
  received_lsn_.Set(static_cast<double>(intake_.received().value));
  covered_lsn_.Set(static_cast<double>(feedback.flushed.value));
  co_return co_await one->replication->send(
      std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

// Beside the stream of changes: confirms, and moves an idle database's mark on.
asio::awaitable<void> capture::keep_house(std::shared_ptr<session> one) {
  while (!one->over && !stopping_) {
    const auto timer =
        std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, house_interval);
    one->house_timer = timer;
    boost::system::error_code cancelled;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (one->over || stopping_) co_return;
    const auto now = std::chrono::steady_clock::now();
    if (auto marked = intake_.mark_idle(now); !marked) {
      log_error("capture", "durable LSN of an idle database not stored",
                {{"project", with_.project.name}, {"reason", marked.error().message()}});
    }
    if (intake_.feedback_due(now)) co_await confirm(one);
    begin_look_at_publications(now);
  }
}

// Whether or not there is a stream: drops what is too old, since room may be what capture waits
// for, and looks how much WAL is kept for it, which grows most while there is none.
asio::awaitable<void> capture::keep_watch() {
  while (!stopping_) {
    watch_timer_.expires_after(house_interval);
    boost::system::error_code cancelled;
    co_await watch_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (stopping_) co_return;
    const auto now = std::chrono::steady_clock::now();
    begin_trim(now);
    measure_slot_lag(now);
    show_lag_seconds(now);
    look_after_lists(now);
  }
}

// Asked of the server: what it sends says only how far it has sent.
void capture::measure_slot_lag(std::chrono::steady_clock::time_point now) {
  if (measuring_ || now - last_lag_ < lag_interval) return;
  measuring_ = true;
  last_lag_ = now;
  wanted what;
  what.retention = with_.project.event_persistence;
  ask(what, [this](const result<present>& answer) {
    measuring_ = false;
    if (!answer) return;
    if (answer->kept) {
      watch_.see(names_.slot, *answer->kept);
      const std::scoped_lock lock(status_mutex_);
      warning_ = watch_.warning();
    }
    const auto confirmed = with_.log->bounds().covered_through;
    const auto flushed = answer->flushed.commit;
    lag_clock_.see(flushed, std::chrono::steady_clock::now());
    slot_lag_.Set(flushed <= confirmed ? 0 : static_cast<double>(flushed.value - confirmed.value));
    begin_heartbeat(flushed);
  });
}

// Goes on growing while the database does not answer.
void capture::show_lag_seconds(std::chrono::steady_clock::time_point now) {
  const auto behind = lag_clock_.behind(with_.log->bounds().covered_through, now);
  lag_seconds_.Set(std::chrono::duration<double>(behind).count());
}

void capture::begin_heartbeat(lsn flushed) {
  // What is being sent moves the slot when it has come whole.
  if (!session_ || !session_->streams || ingest_.in_transaction()) return;
  if (!heartbeat_.due(intake_.received(), flushed, std::chrono::steady_clock::now())) return;
  wanted what;
  what.heartbeat = true;
  ask(what, [](const auto&) {});
}

void capture::use_retention(log::retention_policy retention) {
  asio::post(context_, [this, retention] {
    with_.retention = retention;
    last_trim_ = {};
  });
}

void capture::begin_trim(std::chrono::steady_clock::time_point now) {
  // Age can wait. Bytes cannot: much is written in half a minute, and without room retention is
  // what may make some. Where nothing may be dropped, that is not asked each time.
  const auto bounds = with_.log->bounds();
  const auto& bytes_max = with_.retention.bytes_max;
  const bool much = bytes_max && bounds.stored_bytes > *bytes_max;
  const bool full = bounds.out_of_space || (much && !trim_refused_);
  if (trimming_ || (!full && now - last_trim_ < trim_interval)) return;
  last_trim_ = now;
  const auto through = with_.log->trimmable(with_.retention, system_clock_source().now());
  if (through <= bounds.dropped_through) return;
  trimming_ = true;
  with_.make_way(through, [this, through](bool made) {
    asio::post(context_, [this, through, made] {
      trimming_ = false;
      trim_refused_ = !made;
      if (made) trim(through);
    });
  });
}

void capture::trim(const position& through) {
  auto policy = with_.retention;
  policy.through_max = through;
  if (const auto trimmed = with_.log->trim(policy, system_clock_source().now()); !trimmed) {
    log_error("capture", "old segments not dropped: trying again",
              {{"project", with_.project.name}, {"reason", trimmed.error().message()}});
  }
}

}  // namespace pulse::capture
