#include "server/http/health.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace pulse::server {
namespace {

constexpr std::string_view readiness_schema = R"({
  "type": "object", "required": ["status"],
  "properties": {
    "status": {"enum": ["ready", "not ready"]},
    "projects": {"type": "object", "additionalProperties": {"type": "string"},
                 "description": "Those that are not ready, and why; on the admin address only"}
  }
})";
constexpr std::string_view capture_schema = R"({
  "type": "object", "required": ["status"],
  "properties": {
    "status": {"enum": ["progressing", "not progressing"]},
    "projects": {
      "type": "object", "description": "Those whose capture makes no progress",
      "additionalProperties": {
        "type": "object", "required": ["state", "connected", "problem"],
        "properties": {"state": {"type": "string"}, "connected": {"type": "boolean"},
                       "problem": {"type": "string"}}
      }
    }
  }
})";

http_response status_answer(std::string_view good, std::string_view bad,
                            boost::json::object problems) {
  const bool fine = problems.empty();
  boost::json::object body;
  body["status"] = fine ? good : bad;
  if (!fine) body["projects"] = std::move(problems);
  http_response response;
  response.status = fine ? 200 : 503;
  response.body = boost::json::serialize(body);
  return response;
}

// As long as the delivery thread turns.
void show_health(const exchange_pointer& asked) {
  http_response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "ok";
  asked->answer(response);
}

void show_readiness(const exchange_pointer& asked) {
  const auto& context = asked->context();
  boost::json::object problems;
  for (const auto& [name, project] : context.registry->projects()) {
    const auto why = context.stopping ? "Pulse is shutting down" : project->not_ready();
    if (!why.empty()) problems[name] = why;
  }
  if (context.stopping && problems.empty()) problems["*"] = "Pulse is shutting down";
  auto response = status_answer("ready", "not ready", std::move(problems));
  // What is wrong says whose database it is, and where.
  if (asked->where() == surface::streams && response.status != 200)
    response.body = R"({"status":"not ready"})";
  asked->answer(response);
}

void show_capture(const exchange_pointer& asked) {
  boost::json::object problems;
  for (const auto& [name, project] : asked->context().registry->projects()) {
    const auto status = project->capture();
    if (status.progressing) continue;
    problems[name] = boost::json::object{
        {"state", status.state}, {"connected", status.connected}, {"problem", status.problem}};
  }
  asked->answer(status_answer("progressing", "not progressing", std::move(problems)));
}

void show_metrics(const exchange_pointer& asked) {
  http_response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = asked->context().all_figures->render();
  asked->answer(response);
}

}  // namespace

void add_health_routes(route_table& routes) {
  routes.add({.method = "GET",
              .path = path_pattern("/healthz"),
              .where = served_on::both,
              .wants = credential::none,
              .summary = "Says that the process answers.",
              .answers = {{.content_type = "text/plain"}},
              .handle = show_health});
  routes.add({.method = "GET",
              .path = path_pattern("/readyz"),
              .where = served_on::both,
              .wants = credential::none,
              .summary = "Says whether every project can serve streams.",
              .answers = {{.schema = readiness_schema},
                          {.status = 503,
                           .meaning = "A project cannot, or the server is stopping.",
                           .schema = readiness_schema}},
              .handle = show_readiness});
  routes.add({.method = "GET",
              .path = path_pattern("/capturez"),
              .wants = credential::none,
              .summary = "Says whether every project's capture makes progress.",
              .answers = {{.schema = capture_schema},
                          {.status = 503,
                           .meaning = "One makes none; why, and what to do.",
                           .schema = capture_schema}},
              .handle = show_capture});
  routes.add({.method = "GET",
              .path = path_pattern("/metrics"),
              .wants = credential::none,
              .summary = "Shows the metrics in Prometheus' text format.",
              .answers = {{.content_type = "text/plain"}},
              .handle = show_metrics});
}

}  // namespace pulse::server
