// The way from an upgrade request's headers to an open stream.
#pragma once

#include "server/http/route_table.hpp"

namespace pulse::server {

// /stream and /subscribe for applications; for people who look on, /v1/projects/{project}/tail on
// the admin address: a subscription to all columns of one table, native events, from now on, at
// most once.
//
// The stream is open before there is a session to hand over, by stream_opener, which refuses over
// HTTP; so does what cannot be read of the headers: 400 P6100. Whoever gets the session either
// starts or abandons it.
void add_stream_routes(route_table& routes);

}  // namespace pulse::server
