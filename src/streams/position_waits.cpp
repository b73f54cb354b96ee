#include "streams/position_waits.hpp"

#include <algorithm>

namespace pulse::streams {

position_waits::position_waits(const log::event_log& log, const log::readable_end* end)
    : log_(&log), end_(end) {}

// The bounds first: a transaction is given to the visibility gate before its commit is covered.
position position_waits::reached() const {
  const auto bounds = log_->bounds();
  if (end_ == nullptr) return bounds.mark();
  const auto readable = end_->get();
  return readable >= bounds.last_at ? bounds.mark() : std::min(readable, bounds.mark());
}

bool position_waits::has_reached(const position& through) const {
  return reached() >= through;
}

std::shared_ptr<void> position_waits::wait(const position& through, std::function<void()> done) {
  const key mine{through, ++count_};
  waiting_->emplace(mine, std::move(done));
  return {nullptr, [all = std::weak_ptr(waiting_), mine](void*) {
            if (const auto still = all.lock()) still->erase(mine);
          }};
}

void position_waits::look() {
  if (waiting_->empty()) return;
  const auto end = reached();
  while (!waiting_->empty() && waiting_->begin()->first.first <= end) {
    // It may end other waits, or begin some.
    const auto node = waiting_->extract(waiting_->begin());
    node.mapped()();
  }
}

}  // namespace pulse::streams
