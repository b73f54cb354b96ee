#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "server/admin/admin_handlers.hpp"
#include "server/admin/admin_routes.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;

constexpr std::string_view projects_schema = R"({
  "type": "object", "required": ["projects"],
  "properties": {"projects": {"type": "array", "items": {
    "type": "object",
    "required": ["name", "eventPersistence", "notReady", "openGaps", "capture"],
    "properties": {
      "name": {"type": "string"},
      "eventPersistence": {"type": "boolean"},
      "notReady": {"type": "string", "description": "What streams wait for; empty: nothing"},
      "openGaps": {"type": "integer", "description": "Gaps that nobody has accepted"},
      "capture": {"type": "object", "required": ["connected", "progressing", "state", "problem"],
        "properties": {
          "connected": {"type": "boolean"},
          "progressing": {"type": "boolean"},
          "state": {"type": "string"},
          "problem": {"type": "string", "description": "The last error and what to do, or empty"}
        }}
    }}}}
})";

void list_projects(const exchange_pointer& asked) {
  json::array projects;
  for (const auto& [name, project] : asked->context().registry->projects()) {
    const auto capture = project->capture();
    projects.push_back(json::object{{"name", name},
                                    {"eventPersistence", project->event_persistence()},
                                    {"notReady", project->not_ready()},
                                    {"openGaps", project->open_gaps()},
                                    {"capture", json::object{{"connected", capture.connected},
                                                             {"progressing", capture.progressing},
                                                             {"state", capture.state},
                                                             {"problem", capture.problem}}}});
  }
  asked->answer(json_answer({{"projects", std::move(projects)}}));
}

}  // namespace

void add_project_routes(route_table& routes) {
  routes.add({.method = "GET",
              .path = path_pattern("/v1/projects"),
              .summary = "Lists the projects, with what keeps each from serving or capturing.",
              .answers = {{.schema = projects_schema}},
              .handle = list_projects});
}

}  // namespace pulse::server
