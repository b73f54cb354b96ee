#include "log/readable_end.hpp"

#include <algorithm>
#include <utility>

namespace pulse::log {

position readable_end::get() const {
  const std::scoped_lock lock(mutex_);
  return through_;
}

void readable_end::move(const position& through) {
  const std::scoped_lock lock(mutex_);
  through_ = std::max(through_, through);
}

namespace {

class deliverable_reader final : public log_reader {
 public:
  deliverable_reader(std::unique_ptr<log_reader> real, const readable_end& end,
                     const position& after)
      : real_(std::move(real)), end_(&end), after_(after) {}

  result<const event_view*> next() override {
    if (held_ == nullptr) {
      const auto read = real_->next();
      if (!read) {
        through_ = end_->get();
        at_end_ = true;
        return read.error();
      }
      held_ = *read;
    }
    // The end is another thread's: it is looked at when the last look does not suffice. A reader
    // that is paused may have looked past it at events that it skips.
    if (held_ == nullptr || held_->at > through_) through_ = end_->get();
    at_end_ = held_ == nullptr || held_->at > through_;
    return at_end_ ? nullptr : std::exchange(held_, nullptr);
  }

  std::optional<damaged_stretch> damage() const override { return real_->damage(); }

  // At the end, what lies behind it counts as not scanned, wanted or not: readers of other tables
  // may go on from here.
  position scanned_through() const override {
    const auto scanned = real_->scanned_through();
    return at_end_ ? std::min(scanned, std::max(after_, through_)) : scanned;
  }
  event_sequence scanned_sequence() const override {
    return held_ == nullptr ? real_->scanned_sequence() : held_->sequence - 1;
  }
  // One that has paused behind the end does not know what comes before the log's own.
  bool held_back() const override { return held_ != nullptr || (real_->paused() && !paused()); }
  void allow(std::uint64_t bytes) override { real_->allow(bytes); }
  std::uint64_t allowed() const override { return real_->allowed(); }
  bool paused() const override { return real_->paused() && real_->scanned_through() < through_; }

 private:
  std::unique_ptr<log_reader> real_;
  const readable_end* end_;
  position after_;
  position through_;                  // the end, when it was looked at last
  const event_view* held_ = nullptr;  // read, and behind the end
  bool at_end_ = false;               // by the last next()
};

}  // namespace

position deliverable_end(const event_log& log, const readable_end* end) {
  const auto stored = log.bounds().last_at;
  return end == nullptr ? stored : std::min(stored, end->get());
}

std::unique_ptr<log_reader> read_deliverable(const event_log& log, const readable_end* end,
                                             const position& after, const wanted_tables& tables) {
  auto real = log.read(after, tables);
  if (end == nullptr) return real;
  return std::make_unique<deliverable_reader>(std::move(real), *end, after);
}

}  // namespace pulse::log
