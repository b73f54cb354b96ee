// Nothing that is promised about delivery may depend on luck. A failure prints the seed:
// PULSE_SIMULATION_SEED=N repeats it, PULSE_SIMULATION_RUNS=N tries more.
#include "tests/simulation/world.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/logging.hpp"

namespace pulse::simulation {
namespace {

constexpr int steps_a_world = 500;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class simulated_world : public ::testing::Test {
 protected:
  // A line for each of thousands of repairs helps nobody.
  simulated_world() { configure_logging(log_level::error, log_format::text); }
};

TEST_F(simulated_world, delivers_what_was_committed_in_order_with_one_id_and_only_what_is_durable) {
  const auto given = setting("PULSE_SIMULATION_SEED", 0);
  const auto runs = given != 0 ? 1 : setting("PULSE_SIMULATION_RUNS", 500);
  const auto base = given != 0 ? given : 1;
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

}  // namespace
}  // namespace pulse::simulation
