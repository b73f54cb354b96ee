#include "log/memory_log.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace pulse::log {

class memory_reader final : public log_reader {
 public:
  memory_reader(const memory_log& log, const position& after, const wanted_tables& tables)
      : log_(&log), after_(after), tables_(tables), scanned_at_(after) {
    const std::scoped_lock lock(log_->mutex_);
    find_place();
  }

  result<const event_view*> next() override {
    const std::scoped_lock lock(log_->mutex_);
    const auto& events = log_->events_;
    if (next_sequence_ < log_->bounds_.first) return overtaken();
    paused_ = false;
    while (next_sequence_ <= log_->bounds_.last) {
      if (allowed_ == 0) {
        paused_ = true;
        return nullptr;
      }
      const auto& stored = events[next_sequence_ - log_->bounds_.first];
      allowed_ -= std::min(allowed_, memory_log::bytes_of(stored));
      ++next_sequence_;
      scanned_at_ = std::max(scanned_at_, stored.event.at);
      if (!tables_.contains(stored.event.table) || stored.event.at <= after_) continue;
      current_ = stored.event;
      bytes_ = stored.bytes;
      return &current_;
    }
    scanned_at_ = std::max(scanned_at_, log_->bounds_.last_at);
    return nullptr;
  }

  position scanned_through() const override { return scanned_at_; }
  event_sequence scanned_sequence() const override {
    return next_sequence_ == 0 ? 0 : next_sequence_ - 1;
  }
  void allow(std::uint64_t bytes) override { allowed_ = bytes; }
  std::uint64_t allowed() const override { return allowed_; }
  bool paused() const override { return paused_; }

 private:
  // Zero where what comes next is dropped already.
  void find_place() {
    const auto& bounds = log_->bounds_;
    if (after_ != position{} && after_ < bounds.dropped_through) return;
    const auto at = std::ranges::upper_bound(log_->events_, after_, {},
                                             [](const auto& one) { return one.event.at; });
    next_sequence_ = at == log_->events_.end() ? bounds.last + 1 : at->event.sequence;
  }

  error overtaken() const {
    return {errc::gap,
            "the reader was too slow: events through " + to_string(log_->bounds_.dropped_through) +
                " are dropped",
            "read faster, or keep more events"};
  }

  const memory_log* log_;
  position after_;
  wanted_tables tables_;
  position scanned_at_;
  event_sequence next_sequence_ = 0;
  std::uint64_t allowed_ = std::numeric_limits<std::uint64_t>::max();
  bool paused_ = false;
  event_view current_;
  std::shared_ptr<const std::string> bytes_;
};

result<void> memory_log::append(const event_view& event) {
  {
    const std::scoped_lock lock(mutex_);
    if (event.at <= bounds_.last_at || event.id <= bounds_.last_id) {
      return error{errc::invalid_argument,
                   "an event at " + to_string(event.at) + " was appended after one at " +
                       to_string(bounds_.last_at),
                   "report this: it is a bug"};
    }
    const auto before = event.before.bytes();
    const auto after = event.after.bytes();
    auto bytes = std::make_shared<std::string>();
    bytes->reserve(before.size() + after.size());
    bytes->append(as_text(before)).append(as_text(after));
    const auto copy = as_byte_view(*bytes);
    stored_event stored{event, bytes};
    stored.event.sequence = ++bounds_.last;
    stored.event.before = tuple_view::trusted(copy.first(before.size()));
    stored.event.after = tuple_view::trusted(copy.subspan(before.size()));
    bounds_.last_at = event.at;
    bounds_.last_id = event.id;
    bounds_.stored_bytes += sizeof(stored_event) + bytes->size();
    events_.push_back(std::move(stored));
    while (bounds_.stored_bytes > bytes_max_ && events_.size() > 1) drop_oldest();
  }
  if (listener_) listener_();
  return {};
}

void memory_log::drop_oldest() {
  bounds_.stored_bytes -= bytes_of(events_.front());
  bounds_.dropped_through = events_.front().event.at;
  events_.pop_front();
  ++bounds_.first;
}

result<void> memory_log::cover(std::uint32_t timeline, lsn through) {
  {
    const std::scoped_lock lock(mutex_);
    if (timeline == bounds_.timeline && through <= bounds_.covered_through) return {};
    bounds_.timeline = timeline;
    bounds_.covered_through = through;
  }
  if (listener_) listener_();
  return {};
}

log_bounds memory_log::bounds() const {
  const std::scoped_lock lock(mutex_);
  return bounds_;
}

std::unique_ptr<log_reader> memory_log::read(const position& after,
                                             const wanted_tables& tables) const {
  return std::make_unique<memory_reader>(*this, after, tables);
}

std::uint64_t memory_log::bytes_of(const stored_event& one) {
  return sizeof(stored_event) + one.bytes->size();
}

// How many of the oldest events the policy wants gone; never all.
std::size_t memory_log::count_dropped(const retention_policy& policy, unix_time_us now) const {
  std::size_t count = 0;
  for (auto stored_bytes = bounds_.stored_bytes; count + 1 < events_.size(); ++count) {
    const auto& oldest = events_[count];
    if (policy.through_max && oldest.event.at > *policy.through_max) break;
    const bool old = policy.age_max && oldest.event.committed_at + *policy.age_max < now;
    const bool much = policy.bytes_max && stored_bytes > *policy.bytes_max;
    if (!old && !much) break;
    stored_bytes -= bytes_of(oldest);
  }
  return count;
}

position memory_log::trimmable(const retention_policy& policy, unix_time_us now) const {
  const std::scoped_lock lock(mutex_);
  const auto count = count_dropped(policy, now);
  return count == 0 ? bounds_.dropped_through : events_[count - 1].event.at;
}

result<retention_outcome> memory_log::trim(const retention_policy& policy, unix_time_us now) {
  const std::scoped_lock lock(mutex_);
  retention_outcome outcome;
  const auto before = bounds_.stored_bytes;
  for (auto count = count_dropped(policy, now); count > 0; --count) {
    drop_oldest();
    ++outcome.dropped_events;
  }
  outcome.dropped_bytes = before - bounds_.stored_bytes;
  return outcome;
}

}  // namespace pulse::log
