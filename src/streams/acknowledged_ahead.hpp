// What is known, under one stream name, of events beyond the cursor from earlier connections.
#pragma once

#include <cstddef>
#include <set>

#include "change/event_id.hpp"
#include "streams/delivery_window.hpp"

namespace pulse::streams {

// A consumer that works on several events at once acknowledges out of order, and after a reconnect
// it acknowledges on the new connection what it got on the old one, perhaps before that has been
// sent again. This remembers both, so that an acknowledgement given once is never asked for again.
// One owner; not thread-safe.
class acknowledged_ahead {
 public:
  // Acknowledgements that fit no event known here, kept for when the event comes by: they can only
  // be of events that were delivered before this process started.
  static constexpr std::size_t unknown_max = 4096;

  enum class seen {
    never,                   // send it
    delivered,               // send it again
    acknowledged,            // done: pass it
    acknowledged_elsewhere,  // send it, and take it as acknowledged: only the id said so
  };

  // A connection has ended with this in flight.
  void connection_ended(const delivery_window& window);

  // The event comes by on its way to the consumer. Forgets it, and everything before it.
  seen meet(const event_id& id);

  // An acknowledgement of an event that is not in flight on the present connection. False when it
  // had to be thrown away, because too many came that fit nothing.
  bool acknowledge(const event_id& id);

  bool empty() const { return delivered_.empty() && acknowledged_.empty() && unknown_.empty(); }
  void clear();

 private:
  std::set<event_id> delivered_;
  std::set<event_id> acknowledged_;
  std::set<event_id> unknown_;
};

}  // namespace pulse::streams
