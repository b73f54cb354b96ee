// The end of the deliverable events: one position beside the log's durable end.
#pragma once

#include <memory>
#include <mutex>

#include "change/event.hpp"
#include "change/position.hpp"
#include "log/event_log.hpp"

namespace pulse::log {

// Durable events at or before it may be delivered. It only rises. Thread-safe.
class readable_end {
 public:
  position get() const;
  // Lower positions change nothing.
  void move(const position& through);

 private:
  mutable std::mutex mutex_;
  position through_;
};

// Returns the position of the last stored event that may be delivered. Null `end`: of the last one.
position deliverable_end(const event_log& log, const readable_end* end);

// Reads like log.read(), up to `end` at most, which is looked at again by each next(). Null `end`:
// up to the durable end. Both outlive the reader.
std::unique_ptr<log_reader> read_deliverable(const event_log& log, const readable_end* end,
                                             const position& after, const wanted_tables& tables);

}  // namespace pulse::log
