// How events and messages are written into an answer that streams them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "change/event_id.hpp"

namespace pulse::server {

enum class event_format {
  event_stream,  // the HTML standard's server-sent events, which EventSource reads
  ndjson,        // one JSON text a line
};

std::string_view content_type_of(event_format format);

// Of the formats the one that an `accept` header prefers by its order; without the header, or where
// anything will do, the event stream. Nothing: it takes neither.
std::optional<event_format> accepted_format(std::string_view accept);

// What a client last received, as it says in Last-Event-ID.
struct last_event {
  std::optional<event_id> id;  // nothing: no event
  bool was_caught_up = false;  // a message that until=end was reached
};
// Returns the `id:` of that message: "<event id>.end", or "end" where no event came before it.
std::string end_id(const std::optional<event_id>& last);
// Reads the header: an event's id, or an end_id(). errc::invalid_argument: neither.
result<last_event> parse_last_event_id(std::string_view text);

// Appends JSON without the line breaks that stand between its tokens.
void append_on_one_line(std::string& to, std::string_view json);
// One event. `json` has no line break within a string; between tokens it may.
std::string event_text(event_format format, const event_id& id, std::string_view json);
// One message of Pulse's own: an event of type `pulse`, or the line {"pulse":message}. `id`: what a
// client sends as Last-Event-ID after it; empty: as before.
std::string message_text(event_format format, boost::json::object message,
                         std::string_view id = {});
// What shows a client, and each proxy on the way, that the connection is alive.
std::string heartbeat_text(event_format format);
// How long an EventSource waits before it connects again. NDJSON cannot say it: empty.
std::string reconnect_text(event_format format, std::chrono::milliseconds wait);

}  // namespace pulse::server
