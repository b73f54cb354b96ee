#include "server/http/router.hpp"

#include "server/admin/admin_api.hpp"
#include "server/http/health.hpp"

namespace pulse::server {
namespace {

http_response figures(const server_context& context) {
  http_response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = context.all_figures->render();
  return response;
}

}  // namespace

void route(const std::shared_ptr<server_context>& context, surface where,
           const http_request& request, const std::string& request_id, respond done) {
  const auto path = request.path();
  const bool admin = where == surface::admin;
  const bool reading = request.method == "GET" || request.method == "HEAD";
  const bool is_page = path == "/healthz" || path == "/readyz" ||
                       (admin && (path == "/capturez" || path == "/metrics"));
  if (is_page && !reading) {
    auto refused = to_response(
        {405, pulse_code::server_error, std::string(path) + " is read with GET"}, request_id);
    refused.headers.emplace_back("allow", "GET, HEAD");
    return done(std::move(refused));
  }
  if (path == "/healthz") return done(health());
  if (path == "/readyz") return done(readiness(*context, where));
  if (admin && path == "/capturez") return done(capture_progress(*context));
  if (admin && path == "/metrics") return done(figures(*context));
  if (admin && path.starts_with("/v1/")) {
    return admin_call(context, request, request_id, std::move(done));
  }
  done(to_response({404, pulse_code::server_error, "there is nothing at this path",
                    admin ? "streams are served on the other address (--listen)"
                          : "streams are at /stream and /subscribe"},
                   request_id));
}

}  // namespace pulse::server
