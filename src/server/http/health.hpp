// Three questions that supervisors ask.
#pragma once

#include "server/context.hpp"
#include "server/http/http_message.hpp"

namespace pulse::server {

// /healthz: 200 "ok" as long as the delivery thread turns.
http_response health();
// /readyz: 200 when every project can serve streams and the server is not stopping; else 503 and
// which cannot, why, on the admin
// address only.
http_response readiness(const server_context& context, surface where);
// /capturez: 200 when every project's capture makes progress; else 503 and which does not, why.
http_response capture_progress(const server_context& context);

}  // namespace pulse::server
