// Everything that is simulated, and what happens to it: a function of its seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "control/state_store.hpp"
#include "tests/simulation/calamities.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/plants.hpp"
#include "tests/simulation/scripted_server.hpp"
#include "tests/simulation/simulated_consumer.hpp"
#include "tests/simulation/simulated_process.hpp"
#include "tests/simulation/simulated_state.hpp"
#include "tests/support/fault_storage.hpp"

namespace pulse::simulation {

class world {
 public:
  explicit world(std::uint64_t seed, plant bug = plant::none);

  // So many things happen, then nothing fails any more until everybody has everything. Gives the
  // first thing that was wrong; empty: nothing was.
  std::string run(int steps);
  // Of all that was seen from outside: equal for equal seeds.
  std::uint64_t digest() const { return judge_.digest(); }

 private:
  std::uint64_t pick(std::uint64_t from, std::uint64_t to);
  bool chance(std::uint64_t one_in) { return pick(1, one_in) == 1; }
  log::segment_log_options small_segments();
  void step();
  void finish();
  bool done() const { return !judge_.problem().empty(); }

  // The process lives until one of these throws; then the next one finds what is left.
  void guarded(const std::function<void()>& work);
  void start_process();
  void bury(const process_died& how);
  void arm_disk();
  bool step_goes_well();
  bool wait_for_room();

  void work();
  void happens_to_source();
  void happens_to_machine();
  void happens_to_consumer(std::size_t number);
  void connect(std::size_t number);
  void connect_unnamed_first();
  void settle();
  void look_at_consumers();
  void look_at_visibility(const std::string& key);

  std::mt19937_64 random_;
  plant bug_;
  log::segment_log_options options_;
  scripted_server server_;
  control::state_store store_;
  oracle judge_;
  std::deque<simulated_consumer> consumers_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours(24)};
  std::shared_ptr<log::testing::fault_disk> disk_;
  std::shared_ptr<log::testing::fault_disk> spill_disk_;
  std::shared_ptr<log::testing::fault_disk> found_;  // by the next process
  std::unique_ptr<simulated_process> process_;
  std::unique_ptr<simulated_state> state_;
  bool faults_ = true;
  bool goes_on_ = chance(3);
  calamities calamities_{server_, judge_, random_};
};

}  // namespace pulse::simulation
