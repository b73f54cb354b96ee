// The branches of a database's history: each promotion of a standby leaves a timeline and begins
// another, which uses the LSNs behind the switch again.
#pragma once

#include <cstdint>
#include <vector>

#include "change/lsn.hpp"
#include "change/position.hpp"

namespace pulse {

// One line of a timeline history file: `timeline` was left at `switch_point` (PostgreSQL manual,
// section 26.3.5).
struct timeline_switch {
  std::uint32_t timeline = 0;
  lsn switch_point;

  bool operator==(const timeline_switch&) const = default;
};

// The timeline that a server writes and those that it came by, oldest first.
struct timelines {
  std::uint32_t current = 0;
  std::vector<timeline_switch> left = {};

  // On which of them the record that begins here was written. A promoted server sends what its
  // predecessor wrote as well: that keeps the predecessor's timeline.
  std::uint32_t at(lsn place) const {
    for (const auto& past : left) {
      if (place < past.switch_point) return past.timeline;
    }
    return current;
  }

  // Behind every change that was committed before this place.
  position place(lsn at_place) const { return {at(at_place), at_place, {}, 0}; }

  // The same with other numbers; see log_origin.hpp.
  timelines counted_from(std::uint32_t base) const {
    auto all = *this;
    all.current += base;
    for (auto& past : all.left) past.timeline += base;
    return all;
  }

  bool operator==(const timelines&) const = default;
};

}  // namespace pulse
