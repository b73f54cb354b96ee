// What a request for an event stream asks for.
#pragma once

#include <cstddef>

#include <boost/system/result.hpp>

#include "requests/request.hpp"
#include "server/events/event_text.hpp"
#include "server/http/http_exchange.hpp"
#include "server/http/refusal.hpp"

namespace pulse::server {

// Events that an event stream sends without an acknowledgement: the default, and the most that
// `window` may ask for.
inline constexpr std::size_t event_stream_window_events = 1000;
inline constexpr std::size_t event_stream_window_events_max = 10'000;
// And bytes. An event larger than this goes alone.
inline constexpr std::size_t event_stream_window_bytes = std::size_t{4} << 20U;

struct event_stream_request {
  requests::stream_request wanted;  // with its name
  std::size_t window_events_max = event_stream_window_events;
  bool until_end = false;
  event_format format = event_format::event_stream;
  last_event last;  // that its client has received
};

// Reads GET /v1/streams/{name}/events. Refuses with 400 what is wrong, unknown or a secret in the
// URL, and with 406 an `accept` without a format that there is.
boost::system::result<event_stream_request, refusal> read_event_stream_request(
    const http_exchange& asked);

}  // namespace pulse::server
