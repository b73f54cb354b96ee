#include "server/http/health.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace pulse::server {
namespace {

http_response answer(std::string_view good, std::string_view bad, boost::json::object problems) {
  const bool fine = problems.empty();
  boost::json::object body;
  body["status"] = fine ? good : bad;
  if (!fine) body["projects"] = std::move(problems);
  http_response response;
  response.status = fine ? 200 : 503;
  response.body = boost::json::serialize(body);
  return response;
}

}  // namespace

http_response health() {
  http_response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "ok";
  return response;
}

http_response readiness(const server_context& context, surface where) {
  boost::json::object problems;
  for (const auto& [name, project] : context.registry->projects()) {
    const auto why = context.stopping ? "Pulse is shutting down" : project->not_ready();
    if (!why.empty()) problems[name] = why;
  }
  if (context.stopping && problems.empty()) problems["*"] = "Pulse is shutting down";
  auto response = answer("ready", "not ready", std::move(problems));
  // What is wrong says whose database it is, and where.
  if (where == surface::streams && response.status != 200)
    response.body = R"({"status":"not ready"})";
  return response;
}

http_response capture_progress(const server_context& context) {
  boost::json::object problems;
  for (const auto& [name, project] : context.registry->projects()) {
    const auto status = project->capture();
    if (status.progressing) continue;
    problems[name] = boost::json::object{
        {"state", status.state}, {"connected", status.connected}, {"problem", status.problem}};
  }
  return answer("progressing", "not progressing", std::move(problems));
}

}  // namespace pulse::server
