// The way from an upgrade request's headers to an open stream.
#pragma once

#include <string>

#include "server/context.hpp"
#include "server/http/refusal.hpp"
#include "server/http/route_table.hpp"

namespace pulse::server {

// /stream and /subscribe for applications; for people who look on, /v1/projects/{project}/tail on
// the admin address: a subscription to all columns of one table, native events, from now on, at
// most once.
//
// The caller is known; the request is read, the table found and the stream opened, in this order,
// and only then is there a session to hand over: what is refused is refused over HTTP, and the
// cursor is durable before the WebSocket opens.
//   403 P6106  stream() in a project whose event persistence is off
//   400 P6100  headers or filter that cannot be
//   404 P6100  no such table
//   409 P6100  a gap or a divergence: delivery waits for the operator
//   503 P6101  the table is not known and the database cannot be asked
//   503 P6100  the server is shutting down, or the project still opening (with retry-after)
// Whoever gets the session either starts or abandons it.
void add_stream_routes(route_table& routes);

// Counts and logs a refused request for a stream. `key`: whose it was, as far as that is known.
void note_refused_stream(server_context& context, const key_identity& key,
                         const std::string& request_id, const refusal& why);

}  // namespace pulse::server
