// The way from an upgrade request's headers to an open stream.
#pragma once

#include <functional>
#include <memory>

#include <boost/system/result.hpp>

#include "server/context.hpp"
#include "server/http/http_message.hpp"
#include "server/http/refusal.hpp"
#include "server/websocket/websocket_session.hpp"

namespace pulse::server {

using opening_result = boost::system::result<std::shared_ptr<websocket_session>, refusal>;

// Authenticates, reads the request, finds the table and opens the stream, in this order, and only
// then has a session to hand over: what is refused is refused over HTTP, and the cursor is durable
// before the WebSocket opens.
//   401 P6102  no key, a wrong or a revoked one
//   403 P6106  stream() in a project whose event persistence is off
//   400 P6100  headers or filter that cannot be
//   404 P6100  no such table
//   409 P6100  a gap or a divergence: delivery waits for the operator
//   503 P6101  the table is not known and the database cannot be asked
//   503 P6100  the server is shutting down, or the project still opening (with retry-after)
// `done` is called once, on the delivery thread, perhaps before this returns. Whoever gets the
// session either starts or abandons it.
void open_stream(const std::shared_ptr<server_context>& context, const http_request& request,
                 requests::stream_mode mode, const std::string& request_id,
                 std::function<void(opening_result)> done);

// The path of a tail: /v1/projects/{project}/tail, on the admin address.
bool is_tail(std::string_view path);

// A subscription to all columns of one table (?table=name or ?table=schema.name, percent-encoded),
// for people who look on: native events, from now on, at most once. Authorised by the admin token;
// refusals as above.
void open_tail(const std::shared_ptr<server_context>& context, const http_request& request,
               const std::string& request_id, std::function<void(opening_result)> done);

}  // namespace pulse::server
