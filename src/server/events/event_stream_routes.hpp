// A named stream's events as the body of an HTTP answer.
#pragma once

#include "server/http/route_table.hpp"

namespace pulse::server {

// GET /v1/streams/{name}/events, docs/how-to/stream_events_over_http.md. Refuses as stream_opener
// does, in the way of refuse_events(), and 400 or 406 what read_event_stream_request() finds wrong.
void add_event_stream_routes(route_table& routes);

}  // namespace pulse::server
