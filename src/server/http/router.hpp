// Which address answers what.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/context.hpp"
#include "server/http/http_message.hpp"

namespace pulse::server {

using respond = std::function<void(http_response)>;

// Answers a request that is no stream. `done` is called once, perhaps before this returns.
//   both     GET /healthz, /readyz
//   admin    GET /capturez, /metrics; /v1/… (admin_api.hpp)
// Everything else is 404, another method 405, both with a Pulse error as body.
void route(const std::shared_ptr<server_context>& context, surface where,
           const http_request& request, const std::string& request_id, respond done);

}  // namespace pulse::server
