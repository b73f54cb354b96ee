// The description of the routes that programs read: OpenAPI 3.1, made from the route table.
#pragma once

#include <boost/json/object.hpp>

#include "server/context.hpp"
#include "server/http/route_table.hpp"

namespace pulse::server {

// Every route of this address: paths, methods, parameters, bodies, credentials, answers. Each has
// the answer "default", an error: the schema Problem (refusal.hpp). Of the named schemas those that
// its routes use.
boost::json::object openapi_of(const route_table& routes, surface where);

// GET /openapi.json, on both addresses.
void add_openapi_route(route_table& routes);

}  // namespace pulse::server
