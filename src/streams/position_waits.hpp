// Waits until everything up to a position is stored and may be delivered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "change/position.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"

namespace pulse::streams {

// A wait costs a map entry; news cost as much as there are waits that end. On the delivery thread.
class position_waits {
 public:
  // Both outlive it. Null `end`: all durable events may be delivered.
  position_waits(const log::event_log& log, const log::readable_end* end);

  // Everything that committed before this position is durable, and its events may be delivered.
  position reached() const;
  bool has_reached(const position& through) const;
  // Calls `done` from look(), once it has been reached. The wait ends with the handle.
  std::shared_ptr<void> wait(const position& through, std::function<void()> done);
  // The log, or its deliverable part, has grown.
  void look();
  std::size_t size() const { return waiting_->size(); }

 private:
  // In the order in which they end.
  using key = std::pair<position, std::uint64_t>;
  using waits = std::map<key, std::function<void()>>;

  const log::event_log* log_;
  const log::readable_end* end_;
  std::shared_ptr<waits> waiting_ = std::make_shared<waits>();
  std::uint64_t count_ = 0;
};

}  // namespace pulse::streams
