// Changes that PostgreSQL cannot send: capture stops at them, and an operator's word passes them.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "capture/capture_session.hpp"
#include "source/replication.hpp"
#include "source/way_past.hpp"

namespace pulse::capture {

namespace asio = boost::asio;

namespace {

// How often a session is looked at that a crash of the server would have ended. The walsender's
// socket closes before the server tells the other sessions.
constexpr int looks_max = 5;

std::string how_to_pass(const source::obstacle& found, const std::string& project) {
  return fmt::format(
      "see docs/how-to/runbooks/unsendable_change.md; to skip the rest of this transaction, run "
      "`pulse gaps skip --project {} {}`",
      project, to_string(found.at));
}

std::string place_of(const source::obstacle& found) {
  const auto commit =
      found.commit ? " of the transaction that committed at " + to_string(*found.commit) : "";
  return found.how == source::obstacle::kind::refused
             ? fmt::format("PostgreSQL cannot send the change at {}{}", to_string(found.at), commit)
             : fmt::format("PostgreSQL crashes whenever it sends the first changes after {}{}",
                           to_string(found.at), commit);
}

}  // namespace

// What is stored and delivered goes on; nothing after the change arrives before it is passed.
error capture::note_ending(const std::shared_ptr<session>& one, error why) {
  // Capture has come past whatever it stood at before.
  if (stands_at_) obstacles_.passed();
  if (!with_.project.event_persistence || !one->ran_dry || stopping_) return why;
  const auto& said = one->replication->said();
  if (const auto failed = source::find_send_failure(said, one->slot)) {
    obstacles_.refused(*failed, ingest_.open_commit(), why.what);
    const auto* standing = obstacles_.standing();
    // Once may be chance.
    if (standing == nullptr) return {errc::unavailable, why.what, "capture tries once more"};
    return {errc::protocol, place_of(*standing) + ": " + why.what,
            how_to_pass(*standing, with_.project.name)};
  }
  if (why.code == errc::unavailable && said.sqlstate.empty()) {
    ended_.emplace(ended_stream{std::move(one->database), intake_.received(), ingest_.open_commit(),
                                why.what});
  }
  return why;
}

void capture::note_crash() {
  if (!ended_) return;
  if (ended_->database && ended_->database->was_ended_by_crash()) {
    log_warning("capture", "PostgreSQL crashed while it sent changes",
                {{"project", with_.project.name}, {"after", to_string(ended_->received)}});
    obstacles_.crashed(ended_->received, ended_->commit, ended_->problem);
    ended_.reset();
  } else if (++ended_->looks >= looks_max) {
    ended_.reset();
  }
}

// Another try would end every session of the cluster once more.
asio::awaitable<void> capture::stand_at_crash() {
  const auto* standing = obstacles_.standing();
  if (standing == nullptr || standing->how != source::obstacle::kind::crashed) co_return;
  ended_.reset();
  const auto problem = place_of(*standing) + ": " + standing->problem + "; " +
                       how_to_pass(*standing, with_.project.name) +
                       ". Pulse does not connect again before that, or a restart of Pulse";
  set_state("stopped", problem);
  if (!order_) {
    log_error("capture", "capture stopped: PostgreSQL crashed twice at the same position",
              {{"project", with_.project.name}, {"reason", problem}});
  }
  while (!stopping_ && !order_) {
    if (!co_await pause(std::chrono::hours(1))) co_return;
  }
}

void capture::order_to_pass(lsn at, std::function<void(result<history_gap>)> done) {
  const auto& standing = *obstacles_.standing();
  if (order_) {
    return done(error{errc::conflict, "the change at " + to_string(at) + " is being skipped",
                      "see `pulse gaps list`"});
  }
  if (standing.at != at) return done(stands_elsewhere(standing.at, at));
  order_.emplace(skip_order{at, std::move(done)});
  // The next connection carries it out.
  pause_timer_.cancel();
  if (session_ && session_->streams && session_->replication) session_->replication->interrupt();
}

void capture::refuse_order(const error& why) {
  if (!order_) return;
  const auto refused = std::move(*order_);
  order_.reset();
  refused.done(why);
}

source::async_result<> capture::pass_obstacle(std::shared_ptr<session> one) {
  if (!order_) co_return result<void>();
  const auto left_out = co_await leave_out(one);
  if (!left_out) co_return left_out.error();
  obstacles_.passed();
  skipped_.Increment();
  log_warning(
      "capture",
      "rest of a transaction skipped: an operator requested it, because PostgreSQL cannot send it",
      {{"project", with_.project.name},
       {"after", to_string(left_out->after)},
       {"through", to_string(*left_out->through)}});
  const auto carried_out = std::move(*order_);
  order_.reset();
  carried_out.done(*left_out);
  co_return result<void>();
}

source::async_result<lsn> capture::find_way_past(std::shared_ptr<session> one) {
  const auto found = *obstacles_.standing();
  if (found.commit) co_return lsn{found.commit->value + 1};
  if (found.how == source::obstacle::kind::crashed)
    co_return co_await source::find_next_end(one->replication.get(), one->slot, one->from);
  const auto names = source::publication_list(streamed_by());
  co_return co_await source::find_refused_end(one->replication.get(), one->slot, names, one->from,
                                              found.at);
}

// Empty: any may be concerned.
source::async_result<std::vector<table_id>> capture::find_tables_left_out(
    std::shared_ptr<session> one, lsn end, lsn change) {
  const auto oids = co_await source::find_tables_left_out(one->replication.get(), one->slot,
                                                          one->from, end, change);
  if (!oids) co_return oids.error();
  std::vector<table_id> tables;
  for (const auto oid : *oids) {
    const auto known = std::ranges::find(catalog_->tables, oid, &catalog_table::oid);
    if (known == catalog_->tables.end()) co_return std::vector<table_id>();
    const auto number = with_.relations->table(oid, known->name);
    if (!number) co_return number.error();
    tables.push_back(*number);
  }
  co_return tables;
}

// Everything that committed before the transaction is stored: PostgreSQL sends in the order of
// commits, and what came before its failure has been taken. Decoding that starts just after the
// commit record's first byte leaves out that transaction alone.
source::async_result<history_gap> capture::leave_out(std::shared_ptr<session> one) {
  if (obstacles_.standing() == nullptr || obstacles_.standing()->at != order_->at)
    co_return error{errc::conflict, "capture is not stopped at this change any more",
                    "see /capturez"};
  // A copy: what is there may change while the server is asked.
  const auto found = *obstacles_.standing();
  const auto end = co_await find_way_past(one);
  if (!end) co_return end.error();
  if (*end <= one->from) {
    co_return error{errc::conflict, "capture has passed the change meanwhile",
                    "read the state of the project in /capturez"};
  }
  const bool names_change = found.how == source::obstacle::kind::refused;
  const lsn first_lost = names_change ? found.at : lsn{};
  auto tables = co_await find_tables_left_out(one, *end, first_lost);
  if (!tables) co_return tables.error();
  const auto& history = with_.whose.history;
  const position behind = history.place(*end);
  const auto bounds = with_.log->bounds();
  // Where only a transaction's end is known, it may have begun to be missing anywhere before.
  const bool knows_commit = found.commit || names_change;
  const auto commit = knows_commit ? history.place({end->value - 1}) : position{};
  history_gap gap;
  gap.kind = gap_kind::skipped;
  gap.after = std::max({bounds.mark(), with_.whose.begins, bounds.last_at, commit});
  gap.through = just_before(behind);
  gap.tables = std::move(*tables);
  gap.reason = fmt::format(
      "an operator skipped a transaction, or the rest of it, that PostgreSQL cannot send: {}",
      found.problem);
  // First the record: by the time that anything behind it is appended, the streams know.
  const auto ask = [this, gap](answer_taker done) { with_.record_gap(gap, std::move(done)); };
  if (auto recorded = co_await wait_for(ask); !recorded) co_return recorded.error();
  if (auto moved = co_await move_mark(behind); !moved) co_return moved.error();
  one->from = *end;
  co_return gap;
}

}  // namespace pulse::capture
