// Questions that supervisors ask, and Prometheus.
#pragma once

#include "server/http/route_table.hpp"

namespace pulse::server {

// GET /healthz and /readyz on both addresses, /capturez and /metrics on the admin address.
void add_health_routes(route_table& routes);

}  // namespace pulse::server
