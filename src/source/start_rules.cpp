#include "source/start_rules.hpp"

#include <fmt/format.h>

namespace pulse::source {
namespace {

constexpr const char* gap_next =
    "what is missing cannot be captured any more: bring consumers up to date by other means, then "
    "remove the project's "
    "data directory to start anew";

result<void> same_history(const stored_history& stored, const server_identity& server) {
  if (!stored.system_identifier.empty() && stored.system_identifier != server.system_identifier) {
    return error{
        errc::divergence,
        fmt::format(
            "the database is not the one whose history is stored: its system identifier is {}, and "
            "the log's is {}",
            server.system_identifier, stored.system_identifier),
        "check the database URL; for another database use another data directory"};
  }
  if (server.timeline < stored.timeline) {
    return error{
        errc::divergence,
        fmt::format("the server is on timeline {}, and the log was captured from timeline {}",
                    server.timeline, stored.timeline),
        "connect to the server that was promoted, not to the old primary"};
  }
  for (const auto& past : server.history) {
    // The first time that the server's history leaves what is stored.
    if (past.timeline < stored.timeline) continue;
    if (past.switch_point < stored.covered_through) {
      return error{
          errc::divergence,
          fmt::format(
              "the server's history left timeline {} at {}, below what is stored ({}): events were "
              "captured that the promoted server does not have",
              past.timeline, to_string(past.switch_point), to_string(stored.covered_through)),
          gap_next};
    }
    break;
  }
  if (server.wal_end < stored.covered_through) {
    return error{errc::divergence,
                 fmt::format("the server's WAL ends at {}, below what is stored ({}): it was "
                             "restored from an older copy",
                             to_string(server.wal_end), to_string(stored.covered_through)),
                 gap_next};
  }
  return {};
}

}  // namespace

start_decision decide_start(const stored_history& stored, const server_identity& server,
                            const std::optional<slot_facts>& slot) {
  const bool has_history = static_cast<bool>(stored.covered_through);
  if (has_history) {
    if (auto same = same_history(stored, server); !same) return same.error();
  }
  if (!slot) {
    if (!has_history) return create_slot{};
    return error{errc::gap,
                 fmt::format("the replication slot is gone, and changes after {} with it",
                             to_string(stored.covered_through)),
                 gap_next};
  }
  if (slot->plugin != "pgoutput" || slot->database != server.database) {
    return error{errc::conflict,
                 fmt::format("the replication slot is another's: plugin {}, database {}",
                             slot->plugin, slot->database),
                 "drop it, or name the project differently"};
  }
  if (slot->lost) {
    return error{
        errc::gap,
        fmt::format("the server has dropped the WAL that the replication slot held, after {}",
                    to_string(has_history ? stored.covered_through : slot->confirmed_flush)),
        has_history ? gap_next : "run `pulse teardown`, then start again"};
  }
  if (has_history && slot->confirmed_flush > stored.covered_through) {
    return error{
        errc::gap,
        fmt::format(
            "the replication slot begins at {}, after what is stored ({}): it was made again, or "
            "somebody else has read from it",
            to_string(slot->confirmed_flush), to_string(stored.covered_through)),
        gap_next};
  }
  if (slot->active) return wait_for_slot{slot->active_pid};
  return start_at{has_history ? stored.covered_through : slot->confirmed_flush};
}

}  // namespace pulse::source
