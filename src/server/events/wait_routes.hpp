// Waits until Pulse has captured what a client has written.
#pragma once

#include "server/http/route_table.hpp"

namespace pulse::server {

// GET /v1/wait on the streams' address: docs/http_api.md. A wait occupies its connection and no
// thread, ends when its client goes, and is one of options.waits_max.
void add_wait_route(route_table& routes);

}  // namespace pulse::server
