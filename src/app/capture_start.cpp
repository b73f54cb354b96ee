// Where a connection's stream begins: what is stored against what the server has, and what is
// missing in between.
#include <algorithm>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "app/capture_session.hpp"
#include "base/logging.hpp"
#include "source/replication.hpp"
#include "source/setup.hpp"

namespace pulse::app {

namespace asio = boost::asio;

namespace {

// Whoever has the slot may let go of it at any moment.
constexpr std::chrono::milliseconds slot_poll_interval{50};
// How long a change of state may take before it is looked for again.
constexpr std::chrono::milliseconds look_interval{100};

// Which stored events lie behind the place where the server's history left them.
std::optional<vanished_events> find_vanished(const log::event_log& log, const position& fork) {
  const auto bounds = log.bounds();
  const auto reader = log.read(std::max(fork, bounds.dropped_through), 0);
  const auto first = reader->next();
  if (!first || *first == nullptr) return std::nullopt;
  return vanished_events{(*first)->id, bounds.last_id, bounds.last + 1 - (*first)->sequence};
}

}  // namespace

// Waits for an answer from another thread; ends early when capture is to stop.
source::async_result<> capture::wait_for(std::function<void(answer_taker)> ask) {
  const auto answer = std::make_shared<std::optional<result<void>>>();
  ask([this, answer](result<void> given) {
    asio::post(context_, [this, answer, given = std::move(given)] {
      *answer = given;
      pause_timer_.cancel();
    });
  });
  while (!*answer) {
    if (auto waited = co_await pause(look_interval); !waited) co_return waited.error();
  }
  co_return **answer;
}

source::async_result<> capture::record_gap(history_gap found) {
  const auto ask = [this, found](answer_taker done) { with_.record_gap(found, std::move(done)); };
  co_return co_await wait_for(ask);
}

source::async_result<> capture::keep_slot(source::slot_history known) {
  if (with_.slot == known) co_return result<void>();
  const auto ask = [this, known](answer_taker done) { with_.keep_slot(known, std::move(done)); };
  auto kept = co_await wait_for(ask);
  if (kept) with_.slot = known;
  co_return kept;
}

// Before anything of this server is stored, and when what is stored of another ends before it:
// until then the other's history is the one to be compared.
source::async_result<> capture::keep_history(timelines history) {
  if (with_.history == history) co_return result<void>();
  const auto ask = [this, history](answer_taker done) {
    with_.keep_history(history, std::move(done));
  };
  auto kept = co_await wait_for(ask);
  if (kept) with_.history = history;
  co_return kept;
}

source::async_result<source::start_plan> capture::plan_start(std::shared_ptr<session> one) {
  // What is still on its way into the log counts as stored: the server may have been promoted
  // without it.
  while (with_.log->bounds().pending_bytes != 0) {
    if (auto waited = co_await pause(look_interval); !waited) co_return waited.error();
  }
  const auto slot = co_await source::read_slot(one->database.get(), names_.slot);
  if (!slot) co_return slot.error();
  const auto bounds = with_.log->bounds();
  const source::stored_history stored{
      with_.system_identifier, bounds.timeline, bounds.covered_through,
      bounds.last_at,          with_.slot,      with_.history};
  auto plan = source::decide_start(stored, one->server, *slot);
  if (plan && plan->gap && plan->gap->kind == gap_kind::forked)
    plan->gap->vanished = find_vanished(*with_.log, plan->gap->after);
  co_return plan;
}

source::async_result<> capture::wait_for_slot(std::int32_t active_pid) {
  set_state("waiting for the replication slot",
            fmt::format("process {} on the server uses the slot {}", active_pid, names_.slot));
  co_return co_await pause(slot_poll_interval);
}

source::async_result<> capture::choose_start(std::shared_ptr<session> one) {
  std::optional<position> told;  // of a gap, while its end is waited for
  for (bool first = true;; first = false) {
    const auto plan = co_await plan_start(one);
    if (!plan) co_return plan.error();
    const auto* wait = std::get_if<source::wait_for_slot>(&plan->next);
    if (wait != nullptr && first) {
      log_info("capture", "the replication slot is in use: waiting for it",
               {{"project", with_.project.name},
                {"slot", names_.slot},
                {"pid", wait->active_pid},
                {"ahead_of_what_is_stored", plan->gap.has_value()}});
    }
    if (plan->gap && (plan->gap->through || told != plan->gap->after)) {
      // First the record, then the way over: a crash in between finds the same gap again.
      if (auto known = co_await record_gap(*plan->gap); !known) co_return known.error();
      told = plan->gap->after;
    }
    if (wait != nullptr) {
      if (auto waited = co_await wait_for_slot(wait->active_pid); !waited) co_return waited.error();
      continue;
    }
    if (const auto* start = std::get_if<source::start_at>(&plan->next)) {
      one->from = start->from;
    } else {
      const bool drop_first = std::get<source::create_slot>(plan->next).drop_first;
      if (auto made = co_await make_slot(one, drop_first); !made) co_return made.error();
      if (plan->gap) {
        auto whole = *plan->gap;
        whole.through = source::place_of(one->server, one->from);
        if (auto known = co_await record_gap(whole); !known) co_return known.error();
      }
    }
    if (!plan->jumps) co_return result<void>();
    co_return co_await begin_at(one, one->from);
  }
}

// The log's mark is here, durably: only then may anything be confirmed to this server, whose LSNs
// may be lower than those stored.
source::async_result<> capture::begin_at(std::shared_ptr<session> one, lsn place) {
  const auto timeline = one->server.history.at(place);
  if (auto covered = with_.log->cover(timeline, place); !covered) co_return covered.error();
  for (;;) {
    const auto bounds = with_.log->bounds();
    if (bounds.timeline == timeline && bounds.covered_through >= place) break;
    if (auto waited = co_await pause(std::chrono::milliseconds(5)); !waited)
      co_return waited.error();
  }
  co_return co_await keep_slot(source::slot_history::made);
}

source::async_result<> capture::make_slot(std::shared_ptr<session> one, bool drop_first) {
  // An interrupted first start must not look like a data directory that was lost.
  if (with_.slot == source::slot_history::none) {
    if (auto kept = co_await keep_slot(source::slot_history::making); !kept) co_return kept.error();
  }
  if (drop_first) {
    const auto dropped = co_await one->database->query("SELECT pg_drop_replication_slot($1)",
                                                       source::with(one->slot));
    if (!dropped) co_return wrap("dropping the lost replication slot", dropped.error());
  }
  const auto tell = [this](const std::vector<source::open_transaction>& open) {
    for (const auto& transaction : open) {
      log_warning("capture", "making the replication slot waits for an open transaction",
                  {{"project", with_.project.name},
                   {"pid", transaction.pid},
                   {"since", transaction.since},
                   {"state", transaction.state}});
    }
  };
  const auto made = co_await source::create_replication_slot(
      one->replication.get(), one->database.get(), one->slot, false, tell);
  if (!made) co_return made.error();
  log_info("setup", "made the replication slot",
           {{"project", with_.project.name}, {"slot", one->slot}, {"lsn", to_string(made->start)}});
  one->from = made->start;
  co_return result<void>();
}

// A permanent slot from before event persistence was switched off is left alone: with it, switching
// on again loses nothing. Until then it costs the server disk.
source::async_result<> capture::tell_of_kept_slot(std::shared_ptr<session> one) {
  const auto slot = co_await source::read_slot(one->database.get(), names_.slot);
  if (!slot) co_return slot.error();
  if (*slot) {
    log_warning("capture",
                "event persistence is off, and the slot of before is still there: the server keeps "
                "all its WAL since then",
                {{"project", with_.project.name},
                 {"slot", names_.slot},
                 {"since", to_string((*slot)->confirmed_flush)},
                 {"next",
                  "switch event persistence on again soon and nothing is lost, or run "
                  "`pulse teardown`"}});
  }
  co_return result<void>();
}

source::async_result<> capture::open_stream(std::shared_ptr<session> one) {
  one->slot = names_.slot;
  if (with_.project.event_persistence) {
    if (auto chosen = co_await choose_start(one); !chosen) co_return chosen.error();
    if (auto kept = co_await keep_history(one->server.history); !kept) co_return kept.error();
  } else {
    if (auto told = co_await tell_of_kept_slot(one); !told) co_return told.error();
    // Gone with its connection; another name than the permanent one.
    one->slot = names_.slot.substr(0, 50) + "_live";
    const auto made = co_await source::create_replication_slot(
        one->replication.get(), one->database.get(), one->slot, true, [](const auto&) {});
    if (!made) co_return made.error();
    one->from = made->start;
    if (auto covered = with_.log->cover(one->server.history.at(one->from), one->from); !covered)
      co_return covered.error();
  }
  if (with_.system_identifier != one->server.system_identifier) {
    with_.system_identifier = one->server.system_identifier;
    with_.on_system_identifier(with_.system_identifier);
  }
  ingest_.start(one->server.history);
  start_decoding(*one);
  if (auto cleared = streamed_.reset(); !cleared) co_return cleared.error();
  intake_.start(one->server.history, one->from);
  one->streams = true;
  // Named, not braced in the call: g++ 12 destroys such temporaries twice when a coroutine
  // suspends.
  source::stream_options options{one->slot, names_.publication, one->from};
  options.streaming = with_.project.streaming &&
                      one->database->server_version() >= source::streaming_server_version_min;
  // Where a heartbeat's transaction would leave no trace its message has to.
  options.messages = heartbeat_.wanted() && one->database->server_version() >=
                                                source::empty_transactions_left_out_version_min;
  const auto started = co_await source::start_streaming(one->replication.get(), options);
  if (!started) co_return started.error();
  set_state("streaming", "");
  heard();
  log_info("capture", "streaming",
           {{"project", with_.project.name},
            {"database", with_.target.display()},
            {"slot", one->slot},
            {"from", to_string(one->from)},
            {"timeline", one->server.history.current},
            {"open_transactions", options.streaming ? "streamed" : "not streamed"}});
  co_return result<void>();
}

}  // namespace pulse::app
