// How long a stream has stalled.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace pulse::streams {

// A slow consumer that acknowledges now and then works. Only a consumer without room that
// acknowledges nothing is stalled.
class stall_watch {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // It has room.
  void moves() { since_.reset(); }

  // Without room, after this many acknowledged events in all. Returns how long that has been so.
  std::chrono::steady_clock::duration stands(time_point now, std::uint64_t acknowledged) {
    if (!since_ || acknowledged != acknowledged_then_) {
      since_ = now;
      acknowledged_then_ = acknowledged;
    }
    return now - *since_;
  }

 private:
  std::optional<time_point> since_;
  std::uint64_t acknowledged_then_ = 0;
};

}  // namespace pulse::streams
