// Routes of the streams' address for consumers that speak HTTP.
#pragma once

#include "server/http/route_table.hpp"

namespace pulse::server {

// GET /v1/events and POST /v1/events/query: the client keeps the place.
void add_read_routes(route_table& routes);

}  // namespace pulse::server
