#include "tests/simulation/simulated_process.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "control/origin_json.hpp"
#include "log/segment.hpp"

namespace pulse::simulation {

using log::testing::open_disk;

simulated_process::simulated_process(surroundings with)
    : with_(std::move(with)),
      now_(with_.now),
      gate_(with_.holds_unseen ? source::visibility_gate::without_answer::hold
                               : source::visibility_gate::without_answer::go_on) {
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
                          &figures_, std::string(simulated_state::project), &system_clock_source(),
                          nullptr,
                          with_.bug == plant::deliver_before_visible ? nullptr : &deliverable_},
      limits);
  for (const auto& one : with_.store->cursors(simulated_state::project).value())
    streams_->know({{one.table, one.name}, one.at, one.used_at, false});
  use_gaps();

  ingest_ = std::make_unique<capture::ingestor>("shop", *log_, *relations_, figures_);
  newest_told_ = real_log_->bounds().last_at;
  gate_.begin(newest_told_, now_);
  // The last one may be stored in part.
  newest_told_ = {newest_told_.timeline, newest_told_.commit, newest_told_.commit, 0};
  ingest_->tell_of_transactions([this](std::uint32_t xid, const position& through) {
    if (through > newest_told_) known_.insert(xid);
    newest_told_ = std::max(newest_told_, through);
    gate_.add(xid, through, now_);
    deliverable_.move(gate_.passed());
  });
  spill_ = log::spill_area::open(open_disk(with_.spill_disk)).value();
  streamed_ = std::make_unique<capture::streamed_transactions>(*spill_, figures_, "shop");
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
  intake_ = std::make_unique<capture::intake>(*log_, *ingest_, *streamed_, *decoder_);
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

source::stored_history simulated_process::stored() const {
  const auto bounds = real_log_->bounds();
  const auto fact = [&](std::string_view name) {
    return with_.store->fact(simulated_state::project, name).value();
  };
  source::stored_history known;
  if (const auto origin = fact("origin")) known.whose = control::origin_from_json(*origin).value();
  known.timeline = bounds.timeline;
  known.covered_through = bounds.covered_through;
  known.newest = bounds.last_at;
  known.slot = source::parse_slot_history(fact("slot").value_or(std::string()));
  return known;
}

// As capture/capture_start.cpp does it: what is still on its way into the log counts as stored.
void simulated_process::plan_and_begin() {
  while (step_log()) {
  }
  const auto known = stored();
  auto plan = source::decide_start(known, identify(), with_.server->slot());
  if (!plan) return with_.judge->report("capture must not begin: " + plan.error().message());
  if (with_.bug == plant::never_raise_base) forget_base(*plan, identify().history);
  history_ = plan->whose.history;
  timeline_base_ = plan->whose.timeline_base;
  knows_gap_ = plan->gap.has_value();
  order_.emplace(std::move(*plan), known);
  for (auto step = order_->next(); step; step = order_->next()) {
    if (!with_.step_goes_well()) return;
    std::visit([this](const auto& one) { take(one); }, *step);
  }
}

void simulated_process::take(const source::record_gap& step) {
  record(step.gap);
}

void simulated_process::take(const source::wait_for_slot& /*step*/) {}

void simulated_process::take(const source::note_slot& step) {
  must(with_.store->set_fact(simulated_state::project, "slot", source::to_string(step.known)));
}

void simulated_process::take(const source::create_slot& /*step*/) {
  const auto from = with_.server->create_slot();
  if (!knows_gap_) with_.judge->history_begins(history_.place(from));
  order_->slot_made(from);
}

void simulated_process::take(const source::keep_origin& step) {
  auto whose = step.whose;
  if (whose.begins != position{}) with_.judge->way_begins(whose.begins);
  // What is kept in the end comes again without a beginning.
  if (with_.bug == plant::mark_before_origin && whose.begins != position{}) return;
  if (with_.bug == plant::forget_timelines) whose.history = {};
  must(with_.store->set_fact(simulated_state::project, "origin", control::to_json(whose)));
}

void simulated_process::take(const source::move_mark& step) {
  must(log_->cover(step.to.timeline, step.to.commit));
  while (log_->bounds().pending_bytes != 0) step_log();
  if (with_.bug == plant::deliver_before_sync) must(sync_everything(*open_disk(with_.disk)));
}

void simulated_process::take(const source::withdraw_gaps& step) {
  const auto any = with_.store->gaps().withdraw_beyond(simulated_state::project, step.beyond);
  if (!any) return with_.judge->report(any.error().message());
  if (*any) use_gaps();
}

void simulated_process::take(const source::stream& step) {
  auto from = step.from;
  if (with_.bug == plant::start_above_covered) from = with_.server->database().wal_end();
  with_.judge->follows(timeline_base_, from);
  follow_ids();
  ingest_->start(history_);
  ingest_->use_types(types_);
  decoder_->reset();
  must(streamed_->reset());
  intake_->start(history_, from);
  with_.judge->note("streaming from " + to_string(from));
  with_.server->start_streaming(from);
}

void simulated_process::connect_source() {
  with_.server->cut();
  plan_and_begin();
}

void simulated_process::follow_ids() {
  log_origin whose;
  whose.database = source::identity_of(identify());
  whose.timeline_base = timeline_base_;
  whose.history = history_;
  gate_.follow(whose, now_);
  const auto ids = fmt::format("{} {} {}", whose.database, timeline_base_, history_.current);
  if (std::exchange(followed_, ids) != ids) known_.clear();
  asked_.reset();
}

void simulated_process::ask_for_snapshot() {
  if (!gate_.waits() || followed_.empty() ||
      !followed_.starts_with(source::identity_of(identify()) + " "))
    return;
  if (!asked_) {
    asked_ = with_.server->database().current_snapshot();
    return;
  }
  gate_.see(*asked_, now_);
  asked_.reset();
  deliverable_.move(gate_.passed());
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
  now_ = now;
  gate_.look_at_time(now_);
  deliverable_.move(gate_.passed());
  streams_->tick(now);
}

// As app/project_tables.cpp does it.
position simulated_process::now() const {
  const auto bounds = log_->bounds();
  const auto end = with_.server->database().wal_end();
  const auto flushed = connected() ? history_.place(end) : position{};
  return std::max({bounds.last_at, bounds.mark(), flushed});
}

bool simulated_process::caught_up() const {
  const auto bounds = log_->bounds();
  const auto end = with_.server->database().wal_end();
  return bounds.mark() >= position{history_.at(lsn{end.value - 1}), end, {}, 0};
}

}  // namespace pulse::simulation
