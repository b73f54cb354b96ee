#include "log/block_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "log/event_codec.hpp"

namespace pulse::log {

block_queue::block_queue(std::size_t block_bytes_target, const log_state& start,
                         const clock_source& clock)
    : block_bytes_target_(block_bytes_target), clock_(&clock), end_(start) {}

void block_queue::close_draft() {
  auto& facts = open_.facts;
  if (facts.event_count == 0) {
    facts.first_sequence = end_.last_sequence + 1;
    facts.first_at = end_.last_at;
  } else {
    // What is caught up with after an outage is kept as long as anything else.
    facts.newest_commit = std::max(facts.newest_commit, clock_->now());
  }
  facts.last_at = end_.last_at;
  facts.last_id = end_.last_id;
  facts.timeline = end_.timeline;
  facts.covered_through = end_.covered_through;
  full_.push_back(std::exchange(open_, {}));
  mark_moved_ = false;
}

void block_queue::add(const event_view& event) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    const auto bytes = encoded_bytes(event);
    auto& facts = open_.facts;
    if (facts.event_count != 0 && open_.events.size() + bytes > block_bytes_target_) close_draft();
    if (facts.event_count == 0) {
      facts.first_sequence = end_.last_sequence + 1;
      facts.first_at = event.at;
      open_.events.reserve(std::max<std::size_t>(block_bytes_target_, bytes));
    }
    encode_event(event, open_.events);
    ++facts.event_count;
    facts.newest_commit = std::max(facts.newest_commit, event.committed_at);
    facts.tables.add(event.table);
    ++end_.last_sequence;
    end_.last_at = event.at;
    end_.last_id = event.id;
    pending_bytes_ += bytes;
    wake = std::exchange(taker_waits_, false);
  }
  if (wake) work_.notify_one();
}

void block_queue::cover(std::uint32_t timeline, lsn through) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    if (timeline == end_.timeline && through <= end_.covered_through) return;
    end_.timeline = timeline;
    end_.covered_through = through;
    if (!std::exchange(mark_moved_, true)) pending_bytes_ += block_header_bytes;
    wake = std::exchange(taker_waits_, false);
  }
  if (wake) work_.notify_one();
}

bool block_queue::take(std::vector<block_draft>& to) {
  std::unique_lock lock(mutex_);
  while (!has_work() && !stopped_) {
    taker_waits_ = true;
    work_.wait(lock);
  }
  if (!has_work()) return false;
  if (busy_ && !stopped_ && pending_bytes_ < block_bytes_target_) {
    // Nobody wakes it for single events meanwhile.
    taker_waits_ = false;
    work_.wait_for(lock, gather_max,
                   [&] { return stopped_ || pending_bytes_ >= block_bytes_target_; });
  }
  taker_waits_ = false;
  take_all(to);
  return true;
}

bool block_queue::take_present(std::vector<block_draft>& to) {
  const std::scoped_lock lock(mutex_);
  if (!has_work()) return false;
  take_all(to);
  return true;
}

// With the lock held.
void block_queue::take_all(std::vector<block_draft>& to) {
  if (open_.facts.event_count != 0 || mark_moved_) close_draft();
  to.assign(std::make_move_iterator(full_.begin()), std::make_move_iterator(full_.end()));
  full_.clear();
  taken_bytes_ = pending_bytes_;
  busy_ = taken_bytes_ * 4 >= block_bytes_target_;
}

void block_queue::written() {
  const std::scoped_lock lock(mutex_);
  pending_bytes_ -= std::exchange(taken_bytes_, 0);
}

void block_queue::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  work_.notify_all();
}

bool block_queue::wait_stopped(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  work_.wait_for(lock, at_most, [&] { return stopped_; });
  return stopped_;
}

std::uint64_t block_queue::pending_bytes() const {
  const std::scoped_lock lock(mutex_);
  return pending_bytes_;
}

}  // namespace pulse::log
