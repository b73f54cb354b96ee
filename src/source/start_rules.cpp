#include "source/start_rules.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace pulse::source {
namespace {

// So many databases that were left are remembered: enough for a way back after a mistake.
constexpr std::size_t left_databases_max = 8;

position log_mark(const stored_history& stored) {
  return {stored.timeline, stored.covered_through, {}, 0};
}

// Up to here all is stored, or known to be missing.
position mark_of(const stored_history& stored) {
  return std::max(log_mark(stored), stored.whose.begins);
}

// The end of what is stored: the mark, or the newest event of a transaction that was cut short. Its
// timeline is the stored one: the first transaction after a promotion is cut short while the mark
// is still on the timeline that was left.
position stored_end(const stored_history& stored) {
  return std::max(mark_of(stored), stored.newest);
}

// The server's history as what is stored of it goes on.
log_origin continued(const stored_history& stored, const server_identity& server) {
  auto whose = stored.whose;
  whose.database = identity_of(server);
  whose.history = server.history.counted_from(whose.timeline_base);
  return whose;
}

// Behind all that is stored and all places that were ever told of its server.
log_origin renumbered(const stored_history& stored, const server_identity& server) {
  auto whose = stored.whose;
  whose.timeline_base = std::max(stored_end(stored).timeline, stored.whose.history.current);
  whose.history = server.history.counted_from(whose.timeline_base);
  whose.database = identity_of(server);
  const auto& before = stored.whose;
  if (!has_same_database(before, server)) {
    std::erase_if(whose.left, [&](const left_database& one) {
      return one.database == before.database || one.database == whose.database;
    });
    whose.left.push_back({before.database, before.timeline_base, mark_of(stored)});
    if (whose.left.size() > left_databases_max) whose.left.erase(whose.left.begin());
  }
  return whose;
}

// Where what is stored left each timeline before its last one; nothing: it is not known.
std::optional<std::vector<timeline_switch>> left_by_stored(const stored_history& stored) {
  const auto timeline = stored_end(stored).timeline;
  const auto& known = stored.whose.history;
  const auto is_it = [&](const timeline_switch& past) { return past.timeline == timeline; };
  // Of a server from which nothing has come in the end, it says nothing of what is stored.
  if (known.current != timeline && std::ranges::none_of(known.left, is_it)) return std::nullopt;
  auto left = known.left;
  std::erase_if(left, [&](const auto& past) { return past.timeline >= timeline; });
  return left;
}

// What is stored has left this server behind: it was the primary before.
bool is_left_behind(const stored_history& stored, const timelines& server) {
  if (server.current >= stored_end(stored).timeline) return false;
  const auto left = left_by_stored(stored);
  if (!left) return true;
  const auto at = std::ranges::find(*left, server.current, &timeline_switch::timeline);
  return at != left->end() && std::equal(left->begin(), at, server.left.begin(), server.left.end());
}

// Up to where the server's history and that of what is stored are one; nothing when all that is
// stored is in the server's. Of two standbys of one server, each promoted where it had come to, the
// lower place counts: what either has behind it the other has not.
std::optional<position> fork_below(const stored_history& stored, const timelines& server) {
  const auto end = stored_end(stored);
  position common;
  auto theirs = server.left.begin();
  const auto last = server.left.end();
  // Where nothing else is known they are taken for the same as the server's.
  auto known = left_by_stored(stored);
  if (!known) {
    known = server.left;
    std::erase_if(*known, [&](const auto& past) { return past.timeline >= end.timeline; });
  }
  for (const auto& ours : *known) {
    if (theirs == last || theirs->timeline != ours.timeline) return common;
    common = {ours.timeline, std::min(ours.switch_point, theirs->switch_point), {}, 0};
    if (theirs->switch_point != ours.switch_point) return common;
    ++theirs;
  }
  if ((theirs == last ? server.current : theirs->timeline) != end.timeline) return common;
  if (theirs == last) return std::nullopt;
  const position left{theirs->timeline, theirs->switch_point, {}, 0};
  return end > left ? std::optional(left) : std::nullopt;
}

history_gap behind_stored(const stored_history& stored, gap_kind kind, std::string reason) {
  history_gap gap;
  gap.kind = kind;
  gap.after = stored_end(stored);
  gap.reason = std::move(reason);
  return gap;
}

struct beginning {
  lsn from = {};  // where it should begin; zero: as early as the slot allows
  std::optional<history_gap> gap = {};
  bool anew = false;  // its positions would not be behind all that is stored
};

// Where the database that is followed now was left when another one was followed.
std::optional<lsn> left_at(const stored_history& stored, const server_identity& server) {
  const auto identity = identity_of(server);
  const auto& left = stored.whose.left;
  const auto known = std::ranges::find(left, identity, &left_database::database);
  if (known == left.end()) return std::nullopt;
  const auto& mark = known->mark;
  const bool is_there = server.history.at(mark.commit) + known->timeline_base == mark.timeline &&
                        server.wal_end >= mark.commit;
  return is_there ? std::optional(mark.commit) : std::nullopt;
}

beginning in_another_database(const stored_history& stored, const server_identity& server,
                              const std::optional<slot_facts>& slot) {
  const auto left = left_at(stored, server);
  const auto& before = stored.whose.database;
  auto reason =
      fmt::format("another database is at the URL: {} ({}); the event log is of {}",
                  server.database, identity_of(server), before.empty() ? "an unknown one" : before);
  if (left) {
    const bool whole = slot && !slot->lost && slot->confirmed_flush <= *left;
    reason += fmt::format("; it was captured earlier, up to {}, {}", to_string(*left),
                          whole ? "and capture resumes there" : "and later changes are missing");
  }
  return {left.value_or(lsn{}),
          behind_stored(stored, gap_kind::another_database, std::move(reason)), true};
}

result<beginning> wanted_beginning(const stored_history& stored, const server_identity& server,
                                   const std::optional<slot_facts>& slot) {
  const auto base = stored.whose.timeline_base;
  const auto history = server.history.counted_from(base);
  const auto end = stored_end(stored);
  // What is known of the log may be lost with the state database.
  const bool forgotten = stored.whose.database.empty() && history.current < end.timeline;
  if (forgotten || !has_same_database(stored.whose, server))
    return in_another_database(stored, server, slot);
  if (end.timeline <= base) {
    return beginning{{},
                     behind_stored(stored, gap_kind::slot_ahead,
                                   "the event log ends before the start position of the history "
                                   "that was captured last: it is an older copy")};
  }
  if (is_left_behind(stored, history)) {
    return error{
        errc::divergence,
        fmt::format("PostgreSQL is on timeline {}, and the event log was captured from timeline {}",
                    server.history.current, end.timeline - base),
        "connect to the promoted server, not to the old primary"};
  }
  if (const auto fork = fork_below(stored, history)) {
    history_gap gap;
    gap.kind = gap_kind::forked;
    gap.after = *fork;
    gap.reason = fmt::format(
        "PostgreSQL's history left the stored history on timeline {} at {}: the promoted server "
        "does not have some captured events (orphaned events)",
        fork->timeline - std::min(base, fork->timeline), to_string(fork->commit));
    return beginning{fork->commit, std::move(gap), history.place(fork->commit) <= end};
  }
  const auto mark = mark_of(stored);
  // A commit record that has been sent lies before the end of the WAL.
  const bool has_newest = end == mark || server.wal_end > end.commit;
  if (server.wal_end >= mark.commit && has_newest) return beginning{mark.commit};
  return beginning{
      {},
      behind_stored(
          stored, gap_kind::set_back,
          fmt::format("PostgreSQL writes timeline {} again from {}, before the end of the event "
                      "log ({}): the database was restored from an earlier copy. The copy lacks "
                      "later commits; some stored events may come again with other ids",
                      server.history.current, to_string(server.wal_end), to_string(end.commit))),
      true};
}

std::optional<history_gap> log_lost(const stored_history& stored,
                                    const std::optional<slot_facts>& slot) {
  const bool first_start =
      stored.slot == slot_history::making || (stored.slot == slot_history::none && !slot);
  if (first_start) return std::nullopt;
  history_gap gap;
  gap.kind = gap_kind::log_lost;
  gap.reason =
      stored.slot == slot_history::none
          ? "the replication slot is older than this data directory: events from another data "
            "directory are not here, and capture starts at the slot's position. To continue with "
            "the other data directory: stop Pulse and start it with that --data-dir. To start from "
            "scratch: stop Pulse, run `pulse teardown --yes`, which drops the slot, remove this "
            "data directory, and start again. Or accept the gap"
          : "the project's event log is missing, and its events are lost";
  return gap;
}

// History begins here.
start_plan begin(const stored_history& stored, const server_identity& server,
                 const std::optional<slot_facts>& slot) {
  start_plan plan{start_at{}, log_lost(stored, slot), origin_of(stored, server)};
  if (!slot || slot->lost) {
    plan.next = create_slot{slot.has_value()};
  } else {
    plan.next = start_at{slot->confirmed_flush};
  }
  return plan;
}

// History goes on where it should, or as near as the slot allows.
result<start_plan> go_on(const stored_history& stored, const server_identity& server,
                         const std::optional<slot_facts>& slot) {
  auto wanted = wanted_beginning(stored, server, slot);
  if (!wanted) return wanted.error();
  start_plan plan{start_at{}, std::move(wanted->gap),
                  wanted->anew ? renumbered(stored, server) : continued(stored, server)};
  auto& gap = plan.gap;
  const auto since = to_string(mark_of(stored).commit);
  if (!slot || slot->lost) {
    plan.next = create_slot{slot.has_value()};
    if (gap) return plan;
    gap =
        slot
            ? behind_stored(
                  stored, gap_kind::slot_lost,
                  "PostgreSQL has dropped the WAL that the replication slot needed, after " + since)
            : behind_stored(
                  stored, gap_kind::slot_missing,
                  "the replication slot does not exist, and changes after " + since + " with it");
    return plan;
  }
  plan.next = start_at{std::max(wanted->from, slot->confirmed_flush)};
  if (slot->confirmed_flush > wanted->from && !gap) {
    gap = behind_stored(
        stored, gap_kind::slot_ahead,
        fmt::format(
            "the replication slot starts at {}, after the end of the event log ({}): it was "
            "recreated, another program has read from it, or the data directory is an older copy",
            to_string(slot->confirmed_flush), since));
  }
  return plan;
}

}  // namespace

std::string identity_of(const server_identity& server) {
  return fmt::format("{}/{}", server.system_identifier, server.database_oid);
}

bool is_same_database(std::string_view stored, std::string_view found) {
  return stored.empty() || stored == found;
}

bool has_same_database(const log_origin& known, const server_identity& server) {
  return is_same_database(known.database, identity_of(server));
}

result<void> check_same_database(const log_origin& known, const server_identity& server) {
  if (has_same_database(known, server)) return {};
  return error{errc::divergence,
               fmt::format("another database is at the URL: {} ({}); the event log is of {}",
                           identity_of(server), server.database, known.database),
               "check the database URL; for another database use another data directory, or let "
               "capture continue after a gap: on_another_database = \"continue\""};
}

log_origin origin_of(const stored_history& stored, const server_identity& server) {
  return has_same_database(stored.whose, server) ? continued(stored, server)
                                                 : renumbered(stored, server);
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

result<void> check_own_slot(const std::optional<slot_facts>& slot, const server_identity& server) {
  if (!slot || (slot->plugin == "pgoutput" && slot->database == server.database)) return {};
  return error{errc::conflict,
               fmt::format("replication slot cannot be used: plugin {}, database {}", slot->plugin,
                           slot->database),
               "drop the slot if nothing uses it, or rename the project"};
}

void begin_at(start_plan& plan, lsn from) {
  plan.next = start_at{from};
  if (!plan.jumps) return;
  const auto place = plan.whose.history.place(from);
  plan.whose.begins = place;
  if (plan.gap) plan.gap->through = place;
}

result<start_plan> decide_start(const stored_history& stored, const server_identity& server,
                                const std::optional<slot_facts>& slot) {
  if (auto own = check_own_slot(slot, server); !own) return own.error();
  auto plan = stored.covered_through ? go_on(stored, server, slot)
                                     : result<start_plan>(begin(stored, server, slot));
  if (!plan) return plan;
  plan->jumps = plan->gap || !stored.covered_through || mark_of(stored) != log_mark(stored);
  if (slot && slot->active) {
    // Who has it may still move it: where the gap ends is known when it is free.
    plan->next = wait_for_slot{slot->active_pid};
  } else if (const auto* start = std::get_if<start_at>(&plan->next)) {
    begin_at(*plan, start->from);
  }
  return plan;
}

}  // namespace pulse::source
