#include "source/start_order.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/source/start_rule.hpp"

namespace pulse::source::testing {
namespace {

constexpr lsn end_of_wal{0x9000};

// What a server, a log and a state store would be after each step.
struct everything {
  stored_history stored;
  server_identity server;
  std::optional<slot_facts> slot;
  std::vector<history_gap> gaps;
  std::optional<lsn> streams_from = {};

  // One that is found again is completed, as control/gap_table.hpp has it.
  void take(const record_gap& step, start_order& /*order*/) {
    const auto known = std::ranges::find(gaps, step.gap.after, &history_gap::after);
    if (known == gaps.end()) {
      gaps.push_back(step.gap);
    } else if (step.gap.through) {
      known->through = step.gap.through;
    }
  }
  void take(const wait_for_slot& /*step*/, start_order& /*order*/) { slot->active = false; }
  void take(const note_slot& step, start_order& /*order*/) { stored.slot = step.known; }
  void take(const create_slot& step, start_order& order) {
    EXPECT_EQ(step.drop_first, slot.has_value());
    slot = slot_at(end_of_wal.value);
    order.slot_made(end_of_wal);
  }
  void take(const keep_origin& step, start_order& /*order*/) { stored.whose = step.whose; }
  void take(const move_mark& step, start_order& /*order*/) {
    EXPECT_GT(step.to, stored.newest);
    stored.timeline = step.to.timeline;
    stored.covered_through = step.to.commit;
  }
  void take(const withdraw_gaps& step, start_order& /*order*/) {
    for (const auto& gap : gaps) EXPECT_LE(gap.through, step.beyond);
  }
  void take(const stream& step, start_order& /*order*/) { streams_from = step.from; }

  // False: it streams, or is dead before.
  bool start(int steps_to_live) {
    auto plan = decide_start(stored, server, slot);
    if (!plan) {
      ADD_FAILURE() << plan.error().message();
      return false;
    }
    start_order order(std::move(*plan), stored);
    bool waits = false;
    for (auto step = order.next(); step; step = order.next()) {
      if (steps_to_live-- == 0) return false;
      waits = std::holds_alternative<wait_for_slot>(*step);
      std::visit([&](const auto& one) { take(one, order); }, *step);
    }
    return waits;
  }
};

struct beginning {
  std::string name;
  everything at;
};

server_identity with_end(server_identity server) {
  server.wal_end = end_of_wal;
  return server;
}

std::vector<beginning> beginnings() {
  const auto another = changed(same_server, [](auto& s) { s.system_identifier = "772"; });
  const auto sibling = changed(same_server, [](auto& s) { s.history = {2, {{1, lsn{0x5800}}}}; });
  const stored_history on_first{{"771/5", 0, {2, {{1, lsn{0x5000}}}}}, 2, lsn{0x6000}};
  const auto active = changed(slot_at(0x4000), [](auto& s) { s.active = true; });
  const stored_history nothing{{}, 0, {}, {}, slot_history::none};
  return {{"the_first_one", {nothing, same_server, {}, {}}},
          {"one_that_goes_on", {some_history, same_server, slot_at(0x5000), {}}},
          {"without_a_slot", {some_history, same_server, {}, {}}},
          {"behind_a_slot_in_use", {some_history, same_server, active, {}}},
          {"in_another_database", {some_history, another, slot_at(0x2000), {}}},
          {"in_another_database_without_a_slot", {some_history, another, {}, {}}},
          {"at_a_sibling", {on_first, sibling, slot_at(0x4000), {}}},
          {"at_a_sibling_without_a_slot", {on_first, sibling, {}, {}}}};
}

class start_order_test : public ::testing::TestWithParam<beginning> {};

// Killed at each step, and started again: the same comes of it as of a start that was let live.
TEST_P(start_order_test, comes_to_the_same_whatever_step_was_the_last) {
  auto let_live = GetParam().at;
  let_live.server = with_end(let_live.server);
  auto dies = let_live;
  while (let_live.start(-1)) {
  }
  ASSERT_TRUE(let_live.streams_from);
  EXPECT_EQ(let_live.stored.whose.begins, position{});
  EXPECT_EQ(let_live.stored.slot, slot_history::made);
  for (int steps = 0; steps < 12; ++steps) {
    auto one = dies;
    one.start(steps);
    one.streams_from.reset();
    while (one.start(-1)) {
    }
    EXPECT_EQ(one.streams_from, let_live.streams_from) << steps;
    EXPECT_EQ(one.gaps, let_live.gaps) << steps;
    EXPECT_EQ(one.stored.whose, let_live.stored.whose) << steps;
    EXPECT_EQ(one.stored.covered_through, let_live.stored.covered_through) << steps;
  }
}

// Whatever comes first is durable when the next one is begun.
TEST_P(start_order_test, has_a_record_before_the_way_over_and_moves_the_mark_before_it_streams) {
  auto world = GetParam().at;
  world.server = with_end(world.server);
  if (world.slot) world.slot->active = false;
  auto plan = decide_start(world.stored, world.server, world.slot);
  ASSERT_TRUE(plan);
  const bool jumps = plan->jumps;
  const bool has_gap = plan->gap.has_value();
  start_order order(std::move(*plan), world.stored);
  std::vector<std::size_t> kinds;
  for (auto step = order.next(); step; step = order.next()) {
    kinds.push_back(step->index());
    std::visit([&](const auto& one) { world.take(one, order); }, *step);
  }
  EXPECT_EQ(kinds.front() == start_step(record_gap{}).index(), has_gap);
  EXPECT_EQ(kinds.back(), start_step(stream{}).index());
  EXPECT_EQ(std::ranges::count(kinds, start_step(move_mark{}).index()), jumps ? 1 : 0);
  for (const auto& gap : world.gaps) EXPECT_TRUE(gap.through);
}

INSTANTIATE_TEST_SUITE_P(every, start_order_test, ::testing::ValuesIn(beginnings()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace pulse::source::testing
