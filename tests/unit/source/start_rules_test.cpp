#include "source/start_rules.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

enum class outcome { start, create, wait, gap, divergence, conflict };

struct rule {
  std::string name;
  stored_history stored;
  server_identity server;
  std::optional<slot_facts> slot;
  outcome expected;
  lsn from = {};
};

const server_identity same_server{"771", 1, lsn{0x9000}, "shop", {}};
const stored_history some_history{"771", 1, lsn{0x5000}};

slot_facts slot_at(std::uint64_t confirmed) {
  slot_facts slot;
  slot.plugin = "pgoutput";
  slot.database = "shop";
  slot.confirmed_flush = lsn{confirmed};
  return slot;
}

template <class Change>
auto changed(auto value, Change change) {
  change(value);
  return value;
}

std::vector<rule> rules() {
  const auto promoted = changed(same_server, [](auto& s) { s.timeline = 2; });
  return {
      {"nothing_stored_and_no_slot_makes_one", {}, same_server, std::nullopt, outcome::create},
      {"nothing_stored_starts_where_the_slot_stands",
       {},
       same_server,
       slot_at(0x4000),
       outcome::start,
       lsn{0x4000}},
      {"starts_at_what_is_covered_not_at_the_slot", some_history, same_server, slot_at(0x4000),
       outcome::start, lsn{0x5000}},
      {"a_slot_exactly_at_what_is_covered_is_no_gap", some_history, same_server, slot_at(0x5000),
       outcome::start, lsn{0x5000}},
      {"a_slot_beyond_what_is_covered_is_a_gap", some_history, same_server, slot_at(0x5001),
       outcome::gap},
      {"a_slot_that_is_gone_is_a_gap", some_history, same_server, std::nullopt, outcome::gap},
      {"a_slot_whose_wal_is_gone_is_a_gap", some_history, same_server,
       changed(slot_at(0x4000), [](auto& s) { s.lost = true; }), outcome::gap},
      {"an_active_slot_is_waited_for", some_history, same_server,
       changed(slot_at(0x4000), [](auto& s) { s.active = true; }), outcome::wait},
      {"an_active_slot_that_is_ahead_is_a_gap_at_once", some_history, same_server,
       changed(slot_at(0x6000), [](auto& s) { s.active = true; }), outcome::gap},
      {"another_plugins_slot_is_left_alone", some_history, same_server,
       changed(slot_at(0x4000), [](auto& s) { s.plugin = "wal2json"; }), outcome::conflict},
      {"another_databases_slot_is_left_alone", some_history, same_server,
       changed(slot_at(0x4000), [](auto& s) { s.database = "other"; }), outcome::conflict},
      {"another_server_is_a_divergence", some_history,
       changed(same_server, [](auto& s) { s.system_identifier = "772"; }), slot_at(0x4000),
       outcome::divergence},
      {"an_identity_that_was_forgotten_does_not_hide_the_history",
       changed(some_history, [](auto& s) { s.system_identifier.clear(); }), same_server,
       slot_at(0x5001), outcome::gap},
      {"a_wal_end_below_what_is_covered_is_a_divergence", some_history,
       changed(same_server, [](auto& s) { s.wal_end = lsn{0x4fff}; }), slot_at(0x4000),
       outcome::divergence},
      {"a_promoted_server_that_forked_at_the_end_goes_on", some_history,
       changed(promoted, [](auto& s) { s.history = {{1, lsn{0x5000}}}; }), slot_at(0x4000),
       outcome::start, lsn{0x5000}},
      {"a_promoted_server_that_forked_below_is_a_divergence", some_history,
       changed(promoted, [](auto& s) { s.history = {{1, lsn{0x4fff}}}; }), slot_at(0x4000),
       outcome::divergence},
      {"only_the_fork_that_leaves_our_timeline_counts",
       changed(some_history, [](auto& s) { s.timeline = 2; }),
       changed(promoted,
               [](auto& s) {
                 s.timeline = 3;
                 s.history = {{1, lsn{0x1000}}, {2, lsn{0x7000}}};
               }),
       slot_at(0x4000), outcome::start, lsn{0x5000}},
      {"an_old_primary_is_a_divergence", changed(some_history, [](auto& s) { s.timeline = 2; }),
       same_server, slot_at(0x4000), outcome::divergence},
  };
}

class start_rules : public ::testing::TestWithParam<rule> {};

TEST_P(start_rules, decide) {
  const auto& tested = GetParam();
  const auto decided = decide_start(tested.stored, tested.server, tested.slot);
  switch (tested.expected) {
    case outcome::start:
      ASSERT_TRUE(decided) << decided.error().message();
      ASSERT_TRUE(std::holds_alternative<start_at>(*decided));
      EXPECT_EQ(std::get<start_at>(*decided).from, tested.from);
      return;
    case outcome::create:
      ASSERT_TRUE(decided && std::holds_alternative<create_slot>(*decided));
      return;
    case outcome::wait:
      ASSERT_TRUE(decided && std::holds_alternative<wait_for_slot>(*decided));
      return;
    case outcome::gap:
      ASSERT_FALSE(decided);
      EXPECT_EQ(decided.error().code, errc::gap);
      return;
    case outcome::divergence:
      ASSERT_FALSE(decided);
      EXPECT_EQ(decided.error().code, errc::divergence);
      return;
    case outcome::conflict:
      ASSERT_FALSE(decided);
      EXPECT_EQ(decided.error().code, errc::conflict);
  }
}

INSTANTIATE_TEST_SUITE_P(every, start_rules, ::testing::ValuesIn(rules()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace pulse::source
