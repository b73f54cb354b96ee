// Nothing that is promised about delivery may depend on luck. A failure prints the seed:
// PULSE_SIMULATION_SEED=N repeats it, PULSE_SIMULATION_RUNS=N tries more.
#include "tests/simulation/world.hpp"

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/logging.hpp"
#include "tests/support/environment.hpp"

namespace pulse::simulation {
namespace {

constexpr int steps_a_world = 500;
#ifdef PULSE_SLOW_TESTS
constexpr std::uint64_t worlds = 100;
#else
constexpr std::uint64_t worlds = 500;
#endif
constexpr std::uint64_t seeds_a_plant = 100;

class simulated_world : public ::testing::Test {
 protected:
  // A line for each of thousands of repairs helps nobody.
  simulated_world() { configure_logging(log_level::error, log_format::text); }
};

TEST_F(simulated_world, delivers_what_was_committed_in_order_with_one_id_and_only_what_is_durable) {
  const auto given = pulse::testing::number_from_environment("PULSE_SIMULATION_SEED", 0);
  const auto base = given != 0 ? given : 1;
  const auto runs =
      pulse::testing::number_from_environment("PULSE_SIMULATION_RUNS", given != 0 ? 1 : worlds);
  for (auto seed = base; seed < base + runs && !HasFailure(); ++seed)
    EXPECT_EQ(world(seed).run(steps_a_world), "") << "PULSE_SIMULATION_SEED=" << seed;
}

TEST_F(simulated_world, is_a_function_of_its_seed) {
  world one(7);
  world same(7);
  world other(8);
  one.run(steps_a_world);
  same.run(steps_a_world);
  other.run(steps_a_world);
  EXPECT_EQ(one.digest(), same.digest());
  EXPECT_NE(one.digest(), other.digest());
}

struct planted_bug {
  plant bug;
  const char* symptom;
  // A row that is not there is seen by who gets the next one, or by a cursor that passes it.
  const char* or_else = symptom;
};

class planted : public ::testing::TestWithParam<planted_bug> {};

// A simulation is worth what it would find: each of these must be found, and as what it does.
TEST_P(planted, bug_is_found_within_a_few_seeds) {
  configure_logging(log_level::error, log_format::text);
  const auto [bug, symptom, or_else] = GetParam();
  for (std::uint64_t seed = 1; seed <= seeds_a_plant; ++seed) {
    const auto found = world(seed, bug).run(steps_a_world);
    if (found.find(symptom) == std::string::npos && found.find(or_else) == std::string::npos)
      continue;
    std::cout << "seed " << seed << ": " << found << "\n";
    return;
  }
  FAIL() << "in " << seeds_a_plant << " seeds nothing was found that says \"" << symptom << "\"";
}

INSTANTIATE_TEST_SUITE_P(
    every, planted,
    ::testing::Values(planted_bug{plant::confirm_before_sync, "confirmed through"},
                      planted_bug{plant::deliver_before_sync, "was delivered and is not durable"},
                      planted_bug{plant::cursor_past_unacknowledged, "a cursor has passed"},
                      planted_bug{plant::recognise_by_index, "is missing"},
                      planted_bug{plant::lsn_without_timeline, "confirmed through"},
                      planted_bug{plant::start_above_covered, "confirmed through"},
                      planted_bug{plant::keep_aborted_parts, " came as "},
                      planted_bug{plant::skip_block_at_segment_end, "is missing"},
                      planted_bug{plant::trust_page_cache, "is not durable"},
                      planted_bug{plant::keepalive_past_unsynced, "confirmed through"},
                      planted_bug{plant::cover_before_events, "is missing"},
                      planted_bug{plant::forget_gap, "is missing"},
                      planted_bug{plant::tail_from_first_stream, "is missing"},
                      planted_bug{plant::forget_timelines, "is missing", "a cursor has passed"},
                      planted_bug{plant::never_raise_base, "is missing"},
                      planted_bug{plant::mark_before_origin, "of which nobody knows"},
                      planted_bug{plant::deliver_before_visible,
                                  "was delivered before its transaction was visible"}),
    [](const auto& made) { return std::string(to_string(made.param.bug)); });

}  // namespace
}  // namespace pulse::simulation
