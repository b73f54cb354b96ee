// The operators' JSON over HTTP: what their commands and scripts ask on the admin address.
// docs/http_api.md lists the routes, /openapi.json describes them.
#pragma once

#include "server/http/route_table.hpp"

namespace pulse::server {

void add_project_routes(route_table& routes);
void add_key_routes(route_table& routes);
void add_cursor_routes(route_table& routes);
void add_gap_routes(route_table& routes);

}  // namespace pulse::server
