#include "tests/simulation/simulated_process.hpp"

#include <algorithm>
#include <utility>

#include "log/segment.hpp"
#include "source/timeline_history.hpp"

namespace pulse::simulation {

using log::testing::open_disk;

simulated_process::simulated_process(surroundings with) : with_(std::move(with)) {
  *lies_ = with_.bug == plant::trust_page_cache && with_.disk->holds(log::segment_name(1));
  auto files = lying_storage(open_disk(with_.disk), lies_);
  auto relations = log::relation_file::open(*files);
  if (!relations) throw process_died{"relations: " + relations.error().message()};
  relations_ = std::move(*relations);
  auto opened = log::segment_log::open(std::move(files), with_.log);
  if (!opened) throw process_died{"the log cannot be opened: " + opened.error().message()};
  real_log_ = std::move(*opened);
  *lies_ = with_.bug == plant::deliver_before_sync;
  log_ = std::make_unique<planted_log>(*real_log_, with_.bug, *with_.disk);

  streams::stream_limits limits;
  limits.window_events_max = 16;
  // On the real clock, and so never: cursors are saved as time_passes().
  limits.cursor_flush_interval = std::chrono::hours(1);
  streams_ = std::make_unique<streams::hub>(
      streams::hub::parts{context_.get_executor(), log_.get(), relations_.get(), with_.state,
                          &figures_, std::string(simulated_state::project)},
      limits);
  for (const auto& one : with_.store->cursors(simulated_state::project).value())
    streams_->know({{one.table, one.name}, one.at, one.used_at, false});
  use_gaps();

  ingest_ = std::make_unique<app::ingestor>(
      *log_, *relations_,
      app::ingestor::figures{figures_.counter("captured", ""), figures_.counter("recaptured", ""),
                             figures_.counter("truncated", ""),
                             figures_.counter("transactions", "")});
  spill_ = log::spill_area::open(open_disk(with_.spill_disk)).value();
  streamed_ = std::make_unique<app::streamed_transactions>(
      *spill_, app::streamed_transactions::figures{
                   figures_.counter("committed", ""), figures_.counter("aborted", ""),
                   figures_.counter("parts_aborted", ""), figures_.counter("spilled", ""),
                   figures_.gauge("waiting", "")});
  fragment_sink* fragments = ingest_.get();
  if (with_.bug == plant::recognise_by_index) {
    by_index_ = std::make_unique<index_positions>(*ingest_);
    fragments = by_index_.get();
  }
  streamed_sink* streamed = streamed_.get();
  if (with_.bug == plant::keep_aborted_parts) {
    deaf_ = std::make_unique<deaf_to_partial_aborts>(*streamed_);
    streamed = deaf_.get();
  }
  decoder_ = std::make_unique<pgoutput::decoder>(*fragments, streamed);
  streamed_->replay_to(*decoder_);
  intake_ = std::make_unique<app::intake>(*log_, *ingest_, *streamed_, *decoder_);
}

// A table's definition that the disk does not take: the connection is given up and tried again.
void simulated_process::must(const result<void>& outcome) {
  if (outcome) return;
  with_.server->cut();
  const bool of_disk = outcome.error().code == errc::no_space ||
                       (outcome.error().code == errc::io && with_.disk->syncs_fail);
  if (!of_disk) with_.judge->report(outcome.error().message());
}

source::server_identity simulated_process::identify() const {
  auto found = with_.server->identity();
  if (with_.bug == plant::lsn_without_timeline) found.history = timelines{1};
  return found;
}

void simulated_process::use_gaps() {
  auto gaps = with_.store->gaps().of(simulated_state::project).value();
  std::vector<history_gap> found;
  found.reserve(gaps.size());
  for (const auto& gap : gaps) found.push_back(gap.what);
  with_.judge->gaps_recorded(found);
  streams_->use_gaps(std::move(gaps));
}

void simulated_process::record(const history_gap& found) {
  if (with_.bug == plant::forget_gap) return;
  const auto* accepted_by = with_.goes_on ? "on_gap" : "";
  if (const auto kept = with_.store->gaps().record(simulated_state::project, found, accepted_by);
      !kept)
    with_.judge->report(kept.error().message());
  use_gaps();
}

void simulated_process::accept_gaps() {
  for (const auto& gap : with_.store->gaps().of(simulated_state::project).value()) {
    if (!gap.accepted_at)
      must(with_.store->gaps().accept(simulated_state::project, gap.id, "test"));
  }
  use_gaps();
}

source::stored_history simulated_process::stored(const source::server_identity& server) const {
  const auto bounds = real_log_->bounds();
  source::stored_history known;
  known.system_identifier = server.system_identifier;
  known.timeline = bounds.timeline;
  known.covered_through = bounds.covered_through;
  known.newest = bounds.last_at;
  known.slot = source::parse_slot_history(
      with_.store->fact(simulated_state::project, "slot").value().value_or(std::string()));
  known.history = source::parse_timelines(
      with_.store->fact(simulated_state::project, "timelines").value().value_or(std::string()));
  return known;
}

// As app/capture_start.cpp does it: what is still on its way into the log counts as stored; the
// record of a gap first, then the way over it, and the mark durable before anything is confirmed.
void simulated_process::plan_and_begin() {
  const auto server = identify();
  while (step_log()) {
  }
  auto plan = source::decide_start(stored(server), server, with_.server->slot());
  if (!plan) return with_.judge->report("capture must not begin: " + plan.error().message());
  if (plan->gap) record(*plan->gap);
  with_.judge->compared();
  if (std::holds_alternative<source::wait_for_slot>(plan->next)) return;
  lsn from;
  if (const auto* start = std::get_if<source::start_at>(&plan->next)) {
    from = start->from;
  } else {
    if (stored(server).slot == source::slot_history::none)
      must(with_.store->set_fact(simulated_state::project, "slot", "making"));
    from = with_.server->create_slot();
    if (plan->gap) {
      plan->gap->through = source::place_of(server, from);
      record(*plan->gap);
    } else {
      with_.judge->history_begins(source::place_of(server, from));
    }
  }
  if (with_.bug == plant::start_above_covered) from = with_.server->database().wal_end();
  if (plan->jumps) begin_at(server, from);
  if (with_.bug != plant::forget_timelines)
    must(with_.store->set_fact(simulated_state::project, "timelines",
                               source::to_text(server.history)));
  ingest_->start(server.history);
  ingest_->use_types(types_);
  decoder_->reset();
  must(streamed_->reset());
  intake_->start(server.history, from);
  with_.judge->note("streaming from " + to_string(from));
  with_.server->start_streaming(from);
}

void simulated_process::begin_at(const source::server_identity& server, lsn from) {
  must(log_->cover(server.history.at(from), from));
  while (log_->bounds().pending_bytes != 0) step_log();
  if (with_.bug == plant::deliver_before_sync) must(sync_everything(*open_disk(with_.disk)));
  must(with_.store->set_fact(simulated_state::project, "slot", "made"));
}

void simulated_process::connect_source() {
  with_.server->cut();
  plan_and_begin();
}

bool simulated_process::take_message(std::mt19937_64& chance) {
  if (!connected()) return false;
  if (streamed_->out_of_space()) {
    must(streamed_->retry());
    return true;
  }
  if (streamed_->replaying()) {
    const auto bytes = std::uniform_int_distribution<std::size_t>(1, 300)(chance);
    must(intake_->replay(bytes));
    return true;
  }
  const auto message = with_.server->next();
  if (message) must(intake_->take(as_byte_view(*message)));
  return message.has_value();
}

void simulated_process::take_keepalive(bool wants_reply) {
  if (!connected() || intake_->held_up()) return;
  log_->heard_keepalive(with_.server->sent_through());
  must(intake_->take(as_byte_view(with_.server->keepalive(wants_reply))));
}

void simulated_process::keep_house(std::chrono::steady_clock::time_point now) {
  if (with_.bug == plant::deliver_before_sync) must(sync_everything(*open_disk(with_.disk)));
  must(intake_->mark_idle(now));
  if (!intake_->feedback_due(now)) return;
  const auto feedback = intake_->take_feedback(now);
  with_.judge->confirmed(feedback.flushed);
  with_.server->feedback(feedback.flushed);
}

bool simulated_process::step_log() {
  return real_log_->step();
}

void simulated_process::settle() {
  streams_->progress();
  context_.restart();
  context_.poll();
}

void simulated_process::time_passes(std::chrono::steady_clock::time_point now) {
  streams_->tick(now);
}

// As app/project_tables.cpp does it.
position simulated_process::now() const {
  const auto bounds = log_->bounds();
  const auto server = identify();
  const auto flushed = connected() ? source::place_of(server, server.wal_end) : position{};
  return std::max(
      {bounds.last_at, position{bounds.timeline, bounds.covered_through, {}, 0}, flushed});
}

bool simulated_process::caught_up() const {
  return log_->bounds().covered_through >= with_.server->database().wal_end();
}

}  // namespace pulse::simulation
