// For how long a stream has stood still.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace pulse::streams {

// Looked at now and then. A slow consumer that acknowledges now and then works: only one that has
// no room and acknowledges nothing stands still.
class stall_watch {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // It has room.
  void moves() { since_.reset(); }

  // It has none, and has acknowledged so many events in all. For how long that has been so.
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
