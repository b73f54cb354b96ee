// What loses changes, or events, in the scripted server: seldom, so that most of a run has
// something to lose.
#pragma once

#include <cstdint>
#include <random>

#include "tests/simulation/oracle.hpp"
#include "tests/simulation/scripted_server.hpp"

namespace pulse::simulation {

class calamities {
 public:
  calamities(scripted_server& server, oracle& judge, std::mt19937_64& random)
      : server_(&server),
        judge_(&judge),
        random_(&random),
        left_(pick(1, 4)),
        only_standbys_(chance(3)) {}

  void strike();
  // It was a mistake that another database answered: soon the one of before does again.
  void perhaps_undo();
  // A database that was set back is known from its WAL, which ends below what is stored, and so no
  // more once it has been written up to there again. Until it is seen nothing is committed.
  bool may_commit() const { return !set_back_ || judge_->follows_the_server(); }

 private:
  std::uint64_t pick(std::uint64_t from, std::uint64_t to) {
    return std::uniform_int_distribution<std::uint64_t>(from, to)(*random_);
  }
  bool chance(std::uint64_t one_in) { return pick(1, one_in) == 1; }
  std::size_t all_but_some_of(std::size_t all);

  void promote();
  void replace();
  void set_back();

  scripted_server* server_;
  oracle* judge_;
  std::mt19937_64* random_;
  std::uint64_t left_;
  bool only_standbys_;  // are promoted, all with slots, and nothing else happens
  bool set_back_ = false;
  bool is_mistake_ = false;
};

}  // namespace pulse::simulation
