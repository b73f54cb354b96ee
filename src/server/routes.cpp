#include "server/routes.hpp"

#include "server/admin/admin_routes.hpp"
#include "server/events/event_routes.hpp"
#include "server/events/event_stream_routes.hpp"
#include "server/events/pull_routes.hpp"
#include "server/events/wait_routes.hpp"
#include "server/http/health.hpp"
#include "server/http/openapi.hpp"
#include "server/websocket/stream_opening.hpp"

namespace pulse::server {

const route_table& all_routes() {
  static const route_table routes = [] {
    route_table made;
    add_stream_routes(made);
    add_read_routes(made);
    add_event_stream_routes(made);
    add_wait_route(made);
    add_pull_routes(made);
    add_health_routes(made);
    add_openapi_route(made);
    add_project_routes(made);
    add_key_routes(made);
    add_cursor_routes(made);
    add_gap_routes(made);
    return made;
  }();
  return routes;
}

}  // namespace pulse::server
