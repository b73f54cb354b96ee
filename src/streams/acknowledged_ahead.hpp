// Acknowledgements, under one stream name, of events beyond the cursor from earlier connections.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "change/event_id.hpp"
#include "streams/delivery_window.hpp"

namespace pulse::streams {

// A consumer that handles several events at once acknowledges out of order. After a reconnect it
// may acknowledge events of the old connection on the new one, even before they are sent again.
// This class remembers both, so that no acknowledgement is needed twice. One owner; not
// thread-safe.
class acknowledged_ahead {
 public:
  // Acknowledgements that match no known event. They can only be of events that were delivered
  // before this process started, and are kept until the event comes.
  static constexpr std::size_t unknown_max = 4096;

  enum class seen {
    never,                   // send it
    delivered,               // send it again
    acknowledged,            // done: pass it
    acknowledged_elsewhere,  // send it, and take it as acknowledged: only the id said so
  };

  // A connection has ended with these events in flight.
  void connection_ended(const delivery_window& window);

  // The event is about to be sent. Forgets the event and everything before it.
  seen meet(const event_id& id);

  // Takes an acknowledgement of an event that is not in flight on the present connection. False if
  // it was dropped, because too many matched no event.
  bool acknowledge(const event_id& id);

  // Takes an acknowledgement of everything through this event. What is not known to have been
  // delivered is taken as acknowledged when it comes, through `unknown` at most.
  void acknowledge_through(const event_id& id, const std::optional<event_id>& unknown);

  // Of a lease of an earlier run.
  void remember(const std::vector<event_id>& delivered, const std::vector<event_id>& acknowledged);
  // Returns the known events that are acknowledged and have not come by since.
  const std::set<event_id>& acknowledged() const { return acknowledged_; }

  bool empty() const {
    return delivered_.empty() && acknowledged_.empty() && unknown_.empty() && !through_;
  }
  void clear();

 private:
  std::set<event_id> delivered_;
  std::set<event_id> acknowledged_;
  std::set<event_id> unknown_;
  std::optional<event_id> through_;
};

}  // namespace pulse::streams
