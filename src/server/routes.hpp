// What there is on the two addresses.
#pragma once

#include "server/http/route_table.hpp"

namespace pulse::server {

// Made once, at the first call. Where a row stands beside its handler, it is added here by file.
const route_table& all_routes();

}  // namespace pulse::server
