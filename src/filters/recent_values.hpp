// What filters have made of the values of the last few events.
#pragma once

#include <array>
#include <cstddef>

#include "change/event.hpp"
#include "filters/event_values.hpp"

namespace pulse::filters {

// Streams whose filters take more than one turn for an event are at different events, and take
// turns: what was folded or parsed for each is kept until it is done with, within a bound. One
// owner; not thread-safe.
class recent_values {
 public:
  // Those of `event`, which its maker keeps alive until this is called again. They hold until as
  // many other events have been asked for as are kept.
  event_values& of(const event_view& event);

  // Kept at a time, and how much making all but the newest may have taken: some 2 MiB that are
  // folded, or 1.3 MiB that are parsed.
  static constexpr std::size_t events_max = 4;
  static constexpr work_units made_max = 32'000'000;

 private:
  struct kept {
    event_values values;
    std::size_t used_at = 0;
  };

  void bound(const kept& newest);

  std::array<kept, events_max> kept_;
  std::size_t uses_ = 0;
};

}  // namespace pulse::filters
