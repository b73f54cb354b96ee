// Pull: the server keeps the cursor, and no connection has to stay open.
#pragma once

#include "server/http/route_table.hpp"

namespace pulse::server {

// POST /v1/streams/{name}/pull and …/ack, docs/how-to/pull_events.md. Refuse as stream_opener does,
// and besides:
//   400 P6100  a body that cannot be
//   409 P6100  busy: somebody else has the name (details.holder), fenced: the lease is over,
//              replaced: another pull came with the same token (details.reason says which)
//   503 P6100  what would have been answered could not be stored (with retry-after)
void add_pull_routes(route_table& routes);

}  // namespace pulse::server
