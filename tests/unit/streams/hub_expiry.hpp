// Names that retention and age take something away from.
#pragma once

#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {

class hub_expiry : public hub_fixture {
 protected:
  hub_expiry() { start_hub(); }

  // A consumer of the name was there and has gone.
  void make_name(const std::string& name, const std::string& table = "jobs") {
    close(*open(name, table));
  }

  // Retention as the program does it. False: nothing was dropped, because cursors could not be
  // saved.
  bool drop_through(const position& through) {
    std::optional<bool> made;
    hub_->make_way(through, [&](bool way) { made = way; });
    settle();
    if (!made.value_or(false)) return false;
    log::retention_policy policy;
    policy.bytes_max = 1;
    policy.through_max = through;
    EXPECT_TRUE(log_.trim(policy, unix_time_us{}));
    return true;
  }

  void restart(bool abandoned = false) {
    const auto stored = cursors_.stored;
    hub_.reset();
    start_hub();
    for (const auto& [key, at] : stored) hub_->know({key, at, clock_.now(), abandoned});
  }
};

}  // namespace pulse::streams
