// Where a connection's stream begins: what is stored against what the server has, and what is
// missing in between.
#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/logging.hpp"
#include "capture/capture_session.hpp"
#include "source/replication.hpp"

namespace pulse::capture {

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

// Waits for an answer from another thread; ends early when capture is to stop. Several may wait.
source::async_result<> capture::wait_for(std::function<void(answer_taker)> ask) {
  struct answer {
    explicit answer(asio::io_context& context) : timer(context) {}
    asio::steady_timer timer;
    std::optional<result<void>> given;
  };
  const auto waited_for = std::make_shared<answer>(context_);
  ask([this, waited_for](result<void> given) {
    asio::post(context_, [waited_for, given = std::move(given)] {
      waited_for->given = given;
      waited_for->timer.cancel();
    });
  });
  while (!waited_for->given) {
    if (stopping_) co_return error{errc::cancelled, "stopping", {}};
    waited_for->timer.expires_after(look_interval);
    boost::system::error_code cancelled;
    co_await waited_for->timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  co_return *waited_for->given;
}

// Whoever waits for the gap's end finds it again and again.
source::async_result<> capture::record_gap(std::shared_ptr<session> one, history_gap found) {
  if (!found.through && one->told_gap == found.after) co_return result<void>();
  one->told_gap = found.after;
  const auto ask = [this, found](answer_taker done) { with_.record_gap(found, std::move(done)); };
  co_return co_await wait_for(ask);
}

source::async_result<> capture::withdraw_gaps(position beyond) {
  const auto ask = [this, beyond](answer_taker done) {
    with_.withdraw_gaps(beyond, std::move(done));
  };
  co_return co_await wait_for(ask);
}

source::async_result<> capture::keep_slot(source::slot_history known) {
  const auto ask = [this, known](answer_taker done) { with_.keep_slot(known, std::move(done)); };
  auto kept = co_await wait_for(ask);
  if (kept) with_.slot = known;
  co_return kept;
}

source::async_result<> capture::keep_origin(log_origin whose) {
  const auto ask = [this, whose](answer_taker done) { with_.keep_origin(whose, std::move(done)); };
  auto kept = co_await wait_for(ask);
  if (kept) with_.whose = whose;
  co_return kept;
}

source::stored_history capture::stored() const {
  const auto bounds = with_.log->bounds();
  return {with_.whose, bounds.timeline, bounds.covered_through, bounds.last_at, with_.slot};
}

source::async_result<> capture::compare(std::shared_ptr<session> one) {
  // What is still on its way into the log counts as stored: the server may have been promoted
  // without it.
  while (with_.log->bounds().pending_bytes != 0) {
    if (auto waited = co_await pause(look_interval); !waited) co_return waited.error();
  }
  const auto slot = co_await source::read_slot(one->database.get(), names_.slot);
  if (!slot) co_return slot.error();
  one->stored = stored();
  auto plan = source::decide_start(one->stored, one->server, *slot);
  if (!plan) co_return plan.error();
  if (plan->gap && traits_of(plan->gap->kind).never_happened)
    plan->gap->vanished = find_vanished(*with_.log, plan->gap->after);
  one->order.emplace(std::move(*plan), one->stored);
  co_return result<void>();
}

source::async_result<> capture::wait_for_slot(std::int32_t active_pid) {
  const auto reason =
      fmt::format("PostgreSQL's process {} uses the slot {}", active_pid, names_.slot);
  // Only this thread writes it; what status() tells has more in it.
  if (status_.problem != reason) {
    log_info("capture", "replication slot in use: waiting for it",
             {{"project", with_.project.name}, {"slot", names_.slot}, {"pid", active_pid}});
  }
  set_state("waiting for the replication slot", reason);
  co_return co_await pause(slot_poll_interval);
}

source::async_result<> capture::choose_start(std::shared_ptr<session> one) {
  bool waits = true;
  while (waits) {
    if (auto compared = co_await compare(one); !compared) co_return compared.error();
    for (auto step = one->order->next(); step; step = one->order->next()) {
      waits = std::holds_alternative<source::wait_for_slot>(*step);
      if (auto taken = co_await take_step(one, *step); !taken) co_return taken.error();
    }
  }
  co_return result<void>();
}

source::async_result<> capture::take_step(std::shared_ptr<session> one, source::start_step step) {
  if (const auto* found = std::get_if<source::record_gap>(&step))
    co_return co_await record_gap(one, found->gap);
  if (const auto* wait = std::get_if<source::wait_for_slot>(&step))
    co_return co_await wait_for_slot(wait->active_pid);
  if (const auto* note = std::get_if<source::note_slot>(&step))
    co_return co_await keep_slot(note->known);
  if (const auto* make = std::get_if<source::create_slot>(&step))
    co_return co_await make_slot(one, make->drop_first);
  if (const auto* keep = std::get_if<source::keep_origin>(&step))
    co_return co_await keep_origin(keep->whose);
  if (const auto* move = std::get_if<source::move_mark>(&step))
    co_return co_await move_mark(move->to);
  if (const auto* gone = std::get_if<source::withdraw_gaps>(&step))
    co_return co_await withdraw_gaps(gone->beyond);
  one->from = std::get<source::stream>(step).from;
  co_return result<void>();
}

source::async_result<> capture::move_mark(position to) {
  if (auto covered = with_.log->cover(to.timeline, to.commit); !covered) co_return covered.error();
  for (;;) {
    const auto bounds = with_.log->bounds();
    if (bounds.timeline == to.timeline && bounds.covered_through >= to.commit) break;
    if (auto waited = co_await pause(std::chrono::milliseconds(5)); !waited)
      co_return waited.error();
  }
  co_return result<void>();
}

// In the state too: it may take hours, and nobody sees why otherwise.
void capture::tell_of_open_transactions(const std::vector<source::open_transaction>& open) {
  std::string all;
  for (const auto& transaction : open) all += (all.empty() ? "" : "; ") + describe(transaction);
  const auto reason = "creating the replication slot waits for " + all;
  // Only this thread writes it; what status() tells has more in it.
  if (status_.problem != reason) {
    for (const auto& transaction : open) {
      log_warning("capture", "creating the replication slot waits for a transaction in progress",
                  {{"project", with_.project.name},
                   {"pid", transaction.pid},
                   {"prepared", transaction.prepared},
                   {"database", transaction.database},
                   {"since", transaction.since},
                   {"state", transaction.state}});
    }
  }
  set_state("making the replication slot", reason);
}

source::async_result<> capture::make_slot(std::shared_ptr<session> one, bool drop_first) {
  if (drop_first) {
    const auto dropped = co_await one->database->query("SELECT pg_drop_replication_slot($1)",
                                                       source::with(one->slot));
    if (!dropped) co_return wrap("dropping the lost replication slot", dropped.error());
  }
  const auto made = co_await source::create_replication_slot(
      one->replication.get(), one->database.get(), one->slot, false,
      [this](const auto& open) { tell_of_open_transactions(open); });
  if (!made) co_return made.error();
  log_info("setup", "replication slot created",
           {{"project", with_.project.name}, {"slot", one->slot}, {"lsn", to_string(made->start)}});
  one->slot_made = true;
  one->order->slot_made(made->start);
  co_return result<void>();
}

// A permanent slot from before event persistence was switched off is left alone: with it, switching
// on again loses nothing. Until then it costs the server disk.
source::async_result<> capture::tell_of_kept_slot(std::shared_ptr<session> one) {
  const auto slot = co_await source::read_slot(one->database.get(), names_.slot);
  if (!slot) co_return slot.error();
  if (*slot) {
    log_warning("capture",
                "event persistence is off, and the earlier replication slot still exists: "
                "PostgreSQL keeps all WAL for it",
                {{"project", with_.project.name},
                 {"slot", names_.slot},
                 {"since", to_string((*slot)->confirmed_flush)},
                 {"next",
                  "switch event persistence on again soon to lose nothing, or run `pulse teardown "
                  "--yes`"}});
  }
  co_return result<void>();
}

source::async_result<> capture::open_stream(std::shared_ptr<session> one) {
  one->slot = names_.slot;
  if (with_.project.event_persistence) {
    if (auto chosen = co_await choose_start(one); !chosen) co_return chosen.error();
    if (auto passed = co_await pass_obstacle(one); !passed) co_return passed.error();
    if (auto compared = co_await compare_publications(one); !compared) co_return compared.error();
    if (auto passed = co_await pass_missing_publication(one); !passed) co_return passed.error();
  } else {
    if (auto told = co_await tell_of_kept_slot(one); !told) co_return told.error();
    with_.whose = source::origin_of(stored(), one->server);
    // Gone with its connection; another name than the permanent one, and than another database's.
    one->slot = fmt::format("{}_{}_live", names_.slot.substr(0, 40), one->server.database_oid);
    const auto made = co_await source::create_replication_slot(
        one->replication.get(), one->database.get(), one->slot, true,
        [this](const auto& open) { tell_of_open_transactions(open); });
    if (!made) co_return made.error();
    one->from = made->start;
    if (auto covered = with_.log->cover(with_.whose.history.at(one->from), one->from); !covered)
      co_return covered.error();
  }
  if (gate_) gate_->follow(with_.whose);
  ends_.follow(with_.whose);
  ingest_.start(with_.whose.history);
  start_decoding();
  if (auto cleared = streamed_.reset(); !cleared) co_return cleared.error();
  intake_.start(with_.whose.history, one->from);
  one->streams = true;
  // Named, not braced in the call: g++ 12 destroys such temporaries twice when a coroutine
  // suspends.
  source::stream_options options;
  options.slot = one->slot;
  options.publications = streamed_by();
  options.from = one->from;
  options.streaming = with_.project.streaming && obstacles_.allows_streaming() &&
                      one->database->server_version() >= source::streaming_server_version_min;
  // Where the transaction of a heartbeat or a barrier would leave no trace its message has to.
  const int version = one->database->server_version();
  options.messages =
      (heartbeat_.wanted() && version >= source::empty_transactions_left_out_version_min) ||
      ingest_.relies_on_ddl_messages();
  const auto started = co_await source::start_streaming(one->replication.get(), options);
  one->ran_dry = !started;
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

}  // namespace pulse::capture
