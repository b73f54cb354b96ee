// The receiver of a stream, as streams/ sees it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "change/event_id.hpp"

namespace pulse::streams {

// Why Pulse ends a stream.
enum class end_reason {
  shutdown,         // the server stops; come back
  project_removed,  // the server goes on without the project
  slow,             // it acknowledges nothing while another waits for its name
  key_revoked,      // the API key is no longer valid
  cursor_moved,     // somebody moved or deleted the cursor
  gap,              // what comes next is missing, and nobody has accepted that
  failure,          // the log cannot be read
};

// What a subscriber is to whoever waits for its name.
enum class holder_kind {
  websocket,
  event_stream,
  pull,
};

inline std::string_view to_string(holder_kind kind) {
  switch (kind) {
    case holder_kind::websocket:
      return "websocket";
    case holder_kind::event_stream:
      return "event_stream";
    case holder_kind::pull:
      return "pull";
  }
  return "websocket";
}

// Receives a stream's events: a WebSocket session, an event stream, a lease, or a test. All calls
// come on the hub's thread and must not call the hub before they return.
class subscriber {
 public:
  subscriber() = default;
  subscriber(const subscriber&) = delete;
  subscriber& operator=(const subscriber&) = delete;
  virtual ~subscriber() = default;

  // One event as one JSON text, copied or sent before the call returns. Several calls are combined
  // into one write.
  virtual void send(const event_id& id, std::string_view event_json) = 0;
  // Bytes accepted by send() and not yet taken by the operating system. The stream stops sending if
  // there are too many, and resumes when hub::writable() is called for it.
  virtual std::size_t unsent_bytes() const = 0;
  // Nothing more is sent until the consumer acknowledges: the window has no room for the next
  // event, or a gap comes next. May be called again meanwhile.
  virtual void waits_for_acknowledgement() {}
  // Whether it takes an event of so many bytes now. The stream stops sending if not, and resumes
  // when hub::writable() is called for it.
  virtual bool takes(std::size_t /*bytes*/) { return true; }
  // The stream is over; send() is not called again.
  virtual void end(end_reason reason, std::string_view message) = 0;
};

}  // namespace pulse::streams
