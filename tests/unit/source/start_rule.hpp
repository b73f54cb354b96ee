// What is stored and what the server has, and what is to follow from it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "source/start_rules.hpp"

namespace pulse::source::testing {

enum class next_step { start, create, replace, wait, divergence, conflict };

struct gap_bounds {
  gap_kind kind;
  position after;
  std::optional<position> through = {};
};

struct rule {
  std::string name;
  stored_history stored;
  server_identity server;
  std::optional<slot_facts> slot;
  next_step expected;
  lsn from = {};
  std::optional<gap_bounds> gap = {};
};

inline position at(std::uint32_t timeline, std::uint64_t place) {
  return {timeline, lsn{place}, {}, 0};
}

inline const server_identity same_server{"771", 5, "shop", lsn{0x9000}, {1, {}}};
inline const log_origin shop{"771/5"};
inline const stored_history some_history{shop, 1, lsn{0x5000}};

inline slot_facts slot_at(std::uint64_t confirmed) {
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

inline next_step step_of(const result<start_plan>& plan) {
  if (!plan) {
    return plan.error().code == errc::conflict ? next_step::conflict : next_step::divergence;
  }
  if (const auto* create = std::get_if<create_slot>(&plan->next))
    return create->drop_first ? next_step::replace : next_step::create;
  return std::holds_alternative<start_at>(plan->next) ? next_step::start : next_step::wait;
}

inline void expect_decided(const rule& tested) {
  const auto plan = decide_start(tested.stored, tested.server, tested.slot);
  ASSERT_EQ(step_of(plan), tested.expected);
  if (!plan) return;
  if (const auto* start = std::get_if<start_at>(&plan->next)) {
    EXPECT_EQ(start->from, tested.from);
  }
  EXPECT_EQ(plan->whose.database, identity_of(tested.server));
  if (std::holds_alternative<start_at>(plan->next) && plan->jumps) {
    const position mark{tested.stored.timeline, tested.stored.covered_through, {}, 0};
    EXPECT_GT(plan->whose.begins, std::max(mark, tested.stored.newest));
  }
  ASSERT_EQ(plan->gap.has_value(), tested.gap.has_value());
  if (!plan->gap) return;
  EXPECT_EQ(plan->gap->kind, tested.gap->kind);
  EXPECT_EQ(plan->gap->after, tested.gap->after);
  EXPECT_EQ(plan->gap->through, tested.gap->through);
  EXPECT_FALSE(plan->gap->reason.empty());
}

inline std::string name_of(const ::testing::TestParamInfo<rule>& tested) {
  return tested.param.name;
}

}  // namespace pulse::source::testing
