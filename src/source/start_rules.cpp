#include "source/start_rules.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace pulse::source {
namespace {

// The end of what is stored: the mark, or the newest event of a transaction that was cut short. Its
// timeline is the stored one: the first transaction after a promotion is cut short while the mark
// is still on the timeline that was left.
position stored_end(const stored_history& stored) {
  return std::max(position{stored.timeline, stored.covered_through, {}, 0}, stored.newest);
}

result<void> same_server(const stored_history& stored, const server_identity& server) {
  if (auto same = check_same_server(stored.system_identifier, server); !same) return same;
  const auto timeline = stored_end(stored).timeline;
  if (server.history.current < timeline) {
    return error{
        errc::divergence,
        fmt::format("the server is on timeline {}, and the log was captured from timeline {}",
                    server.history.current, timeline),
        "connect to the server that was promoted, not to the old primary"};
  }
  return {};
}

// Where what is stored left each timeline before its last one.
std::vector<timeline_switch> left_by_stored(const stored_history& stored,
                                            const server_identity& server) {
  const auto timeline = stored_end(stored).timeline;
  const auto& known = stored.history;
  const auto is_it = [&](const timeline_switch& past) { return past.timeline == timeline; };
  // Of a server from which nothing has come in the end, it says nothing of what is stored.
  const bool tells = known.current == timeline || std::ranges::any_of(known.left, is_it);
  // Where nothing else is known they are taken for the same as the server's.
  auto left = tells ? known.left : server.history.left;
  std::erase_if(left, [&](const auto& past) { return past.timeline >= timeline; });
  return left;
}

// Up to where the server's history and that of what is stored are one; nothing when all that is
// stored is in the server's. Of two standbys of one server, each promoted where it had come to, the
// lower place counts: what either has behind it the other has not.
std::optional<position> fork_below(const stored_history& stored, const server_identity& server) {
  const auto end = stored_end(stored);
  position common;
  auto theirs = server.history.left.begin();
  const auto last = server.history.left.end();
  for (const auto& ours : left_by_stored(stored, server)) {
    if (theirs == last || theirs->timeline != ours.timeline) return common;
    common = {ours.timeline, std::min(ours.switch_point, theirs->switch_point), {}, 0};
    if (theirs->switch_point != ours.switch_point) return common;
    ++theirs;
  }
  if ((theirs == last ? server.history.current : theirs->timeline) != end.timeline) return common;
  if (theirs == last) return std::nullopt;
  const position left{theirs->timeline, theirs->switch_point, {}, 0};
  return end > left ? std::optional(left) : std::nullopt;
}

// The first place of the server's own that is behind all that is stored, also in the order of
// positions. Two standbys that know nothing of each other may both be promoted to the same number.
lsn first_behind(const stored_history& stored, const server_identity& server) {
  const auto end = stored_end(stored);
  lsn entered;  // where the server has come to its first timeline of a higher number
  for (const auto& past : server.history.left) {
    if (past.timeline <= end.timeline) entered = past.switch_point;
  }
  if (server.history.current > end.timeline) return entered;
  return std::max(entered, lsn{end.commit.value + 1});
}

// Positions that are stored already would be given again: they could not be told apart.
error written_again(const stored_history& stored, const server_identity& server, lsn from) {
  return {errc::divergence,
          fmt::format("the server writes timeline {} again from {}, below what is stored ({}): it "
                      "was restored from an older copy without a timeline of its own, or is "
                      "another standby, promoted to a timeline of the same number",
                      server.history.at(from), to_string(from), to_string(stored_end(stored))),
          "bring consumers up to date by other means, stop Pulse, run `pulse teardown`, and start "
          "with a new data directory: cursors mean nothing here any more; restores by recovery "
          "(recovery.signal) get a timeline of their own, which is a gap and not this"};
}

struct beginning {
  lsn from;  // where it should begin
  std::optional<history_gap> fork;
};

result<beginning> wanted_beginning(const stored_history& stored, const server_identity& server) {
  if (auto same = same_server(stored, server); !same) return same.error();
  const auto fork = fork_below(stored, server);
  if (!fork) {
    if (server.wal_end < stored.covered_through)
      return written_again(stored, server, server.wal_end);
    return beginning{stored.covered_through, {}};
  }
  const auto from = first_behind(stored, server);
  if (server.wal_end < from) return written_again(stored, server, server.wal_end);
  history_gap gap;
  gap.kind = gap_kind::forked;
  gap.after = *fork;
  gap.reason = fmt::format(
      "the server's history parts from what is stored on timeline {} at {}: events "
      "were captured that the promoted server does not have",
      fork->timeline, to_string(fork->commit));
  return beginning{from, std::move(gap)};
}

history_gap behind_stored(const stored_history& stored, gap_kind kind, std::string reason) {
  history_gap gap;
  gap.kind = kind;
  gap.after = stored_end(stored);
  gap.reason = std::move(reason);
  return gap;
}

std::optional<history_gap> log_lost(const stored_history& stored,
                                    const std::optional<slot_facts>& slot) {
  const bool first_start =
      stored.slot == slot_history::making || (stored.slot == slot_history::none && !slot);
  if (first_start) return std::nullopt;
  history_gap gap;
  gap.kind = gap_kind::log_lost;
  gap.reason = stored.slot == slot_history::none
                   ? "the replication slot was there before this data directory: what was "
                     "captured into another one is not here"
                   : "the project's event log is gone, and the events in it with it";
  return gap;
}

// History begins here.
start_plan begin(const stored_history& stored, const std::optional<slot_facts>& slot) {
  if (!slot || slot->lost) return {create_slot{slot.has_value()}, log_lost(stored, slot)};
  return {start_at{slot->confirmed_flush}, log_lost(stored, slot)};
}

// History goes on where it should, or as near as the slot allows.
result<start_plan> go_on(const stored_history& stored, const server_identity& server,
                         const std::optional<slot_facts>& slot) {
  auto wanted = wanted_beginning(stored, server);
  if (!wanted) return wanted.error();
  auto gap = std::move(wanted->fork);
  const auto since = to_string(stored.covered_through);
  if (!slot) {
    if (!gap)
      gap = behind_stored(stored, gap_kind::slot_missing,
                          "the replication slot is gone, and changes after " + since + " with it");
    return start_plan{create_slot{}, std::move(gap)};
  }
  if (slot->lost) {
    if (!gap)
      gap = behind_stored(
          stored, gap_kind::slot_lost,
          "the server has dropped the WAL that the replication slot held, after " + since);
    return start_plan{create_slot{true}, std::move(gap)};
  }
  if (slot->confirmed_flush > wanted->from && !gap) {
    gap = behind_stored(
        stored, gap_kind::slot_ahead,
        fmt::format("the replication slot begins at {}, after what is stored ({}): it was made "
                    "again, somebody else has read from it, or the data directory is an older copy",
                    to_string(slot->confirmed_flush), since));
  }
  return start_plan{start_at{std::max(wanted->from, slot->confirmed_flush)}, std::move(gap)};
}

}  // namespace

result<void> check_same_server(const std::string& system_identifier,
                               const server_identity& server) {
  if (system_identifier.empty() || system_identifier == server.system_identifier) return {};
  return error{errc::divergence,
               fmt::format("the database is not the one whose history is stored: its system "
                           "identifier is {}, and the log's is {}",
                           server.system_identifier, system_identifier),
               "check the database URL; for another database use another data directory"};
}

std::string_view to_string(slot_history known) noexcept {
  switch (known) {
    case slot_history::making:
      return "making";
    case slot_history::made:
      return "made";
    case slot_history::none:
      break;
  }
  return "";
}

slot_history parse_slot_history(std::string_view word) noexcept {
  if (word == "making") return slot_history::making;
  return word == "made" ? slot_history::made : slot_history::none;
}

position place_of(const server_identity& server, lsn place) {
  return {server.history.at(place), place, {}, 0};
}

result<void> check_own_slot(const std::optional<slot_facts>& slot, const server_identity& server) {
  if (!slot || (slot->plugin == "pgoutput" && slot->database == server.database)) return {};
  return error{errc::conflict,
               fmt::format("the replication slot is another's: plugin {}, database {}",
                           slot->plugin, slot->database),
               "drop it, or name the project differently"};
}

result<start_plan> decide_start(const stored_history& stored, const server_identity& server,
                                const std::optional<slot_facts>& slot) {
  if (auto own = check_own_slot(slot, server); !own) return own.error();
  auto plan = stored.covered_through ? go_on(stored, server, slot)
                                     : result<start_plan>(begin(stored, slot));
  if (!plan) return plan;
  plan->jumps = plan->gap.has_value() || !stored.covered_through;
  if (slot && slot->active) {
    // Who has it may still move it: where the gap ends is known when it is free.
    plan->next = wait_for_slot{slot->active_pid};
  } else if (const auto* start = std::get_if<start_at>(&plan->next);
             start != nullptr && plan->gap) {
    plan->gap->through = place_of(server, start->from);
  }
  return plan;
}

}  // namespace pulse::source
