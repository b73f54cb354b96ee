// Appended and unwritten events: the capture thread adds them, the log's writer takes them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "change/event.hpp"
#include "log/block.hpp"
#include "log/segment.hpp"

namespace pulse::log {

// A block before it is packed.
struct block_draft {
  block_facts facts;
  std::string events;
};

// Thread-safe; one appender and one taker. Not bounded itself: the appender watches
// pending_bytes().
class block_queue {
 public:
  block_queue(std::size_t block_bytes_target, const log_state& start,
              const clock_source& clock = system_clock_source());

  // Copies the event and gives it the next sequence.
  void add(const event_view& event);
  void cover(std::uint32_t timeline, lsn through);

  // Waits for something to write, then takes all of it. After much work it waits a moment longer,
  // so that a busy log syncs full blocks rather than many small ones. False if stopped and empty.
  bool take(std::vector<block_draft>& to);
  // The same without waiting. False: there is nothing.
  bool take_present(std::vector<block_draft>& to);
  // The drafts taken last are durable.
  void written();
  void stop();
  // Waits at most this long; true if stopped.
  bool wait_stopped(std::chrono::milliseconds at_most);

  std::uint64_t pending_bytes() const;

 private:
  static constexpr std::chrono::milliseconds gather_max{1};

  void close_draft();
  void take_all(std::vector<block_draft>& to);
  bool has_work() const { return !full_.empty() || open_.facts.event_count != 0 || mark_moved_; }

  const std::size_t block_bytes_target_;
  const clock_source* clock_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  block_draft open_;
  std::deque<block_draft> full_;
  log_state end_;
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t taken_bytes_ = 0;
  bool mark_moved_ = false;
  bool busy_ = false;
  bool taker_waits_ = false;
  bool stopped_ = false;
};

}  // namespace pulse::log
