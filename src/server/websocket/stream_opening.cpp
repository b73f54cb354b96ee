#include "server/websocket/stream_opening.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/percent_encoding.hpp"
#include "server/http/query_string.hpp"
#include "server/stream_opener.hpp"
#include "server/websocket/websocket_session.hpp"

namespace pulse::server {
namespace {

// Opens a stream whose events go to a WebSocket.
struct websocket_opening {
  websocket_opening(const http_exchange& asked, const key_identity& key,
                    std::function<void(opening_result)> done)
      : session(
            std::make_shared<websocket_session>(asked.shared_context(), key, asked.request_id())),
        opener(std::make_shared<stream_opener>(
            asked, key,
            [to = session,
             done = std::move(done)](const boost::system::result<opened_stream, refusal>& opened) {
              if (!opened) return done(opened.error());
              to->opened(opened->host, opened->id);
              done(to);
            })) {}

  void open(requests::stream_request wanted) const {
    opener->open({.wanted = std::move(wanted), .shape = {}, .start = {}, .to = session});
  }

  std::shared_ptr<websocket_session> session;
  std::shared_ptr<stream_opener> opener;
};

websocket_opener open_as(requests::stream_mode mode) {
  return [mode](const exchange_pointer& asked, std::function<void(opening_result)> done) {
    const websocket_opening opening(*asked, asked->who().key, std::move(done));
    if (const auto no = opening.opener->check(mode)) return opening.opener->refuse(*no);
    const auto& request = asked->request();
    auto wanted =
        requests::parse_request(mode, request.header("subscription"), request.header("stream"));
    if (!wanted) return opening.opener->refuse(refuse(wanted.error()));
    asked->context().registry->project(asked->who().key.project)->complete(wanted->model);
    opening.open(std::move(wanted).value());
  };
}

// All events of the table in ?table={schema}.{table}; nothing: it is missing, or wrongly encoded.
std::optional<requests::stream_request> tail_of(std::string_view target) {
  const auto query = query_string::of_target(target);
  const auto* asked = query ? query->find("table") : nullptr;
  const auto table = asked == nullptr ? std::string_view() : asked->raw_value;
  const auto dot = table.find('.');
  const auto schema = percent_decode(dot == std::string_view::npos ? "" : table.substr(0, dot));
  const auto bare = percent_decode(dot == std::string_view::npos ? table : table.substr(dot + 1));
  if (!schema || !bare || bare->empty()) return std::nullopt;
  requests::stream_request wanted;
  wanted.mode = requests::stream_mode::subscribe;
  wanted.model.name = wanted.model.table = *bare;
  wanted.model.schema = *schema;
  wanted.wanted.create.emplace();
  wanted.wanted.update_after.emplace();
  wanted.wanted.remove.emplace();
  wanted.form = requests::event_form::native;
  return wanted;
}

void open_tail(const exchange_pointer& asked, std::function<void(opening_result)> done) {
  const key_identity key{"admin", asked->parameter("project")};
  const websocket_opening opening(*asked, key, std::move(done));
  if (asked->context().registry->project(key.project) == nullptr)
    return opening.opener->refuse(unknown_project(asked->context(), key.project));
  auto wanted = tail_of(asked->request().target);
  if (!wanted) {
    return opening.opener->refuse({400, pulse_code::server_error, "the table is missing",
                                   "add ?table={schema}.{table}; a dot within a name is %2E"});
  }
  opening.open(std::move(*wanted));
}

constexpr std::string_view becomes_websocket = "The connection becomes a WebSocket.";

}  // namespace

void add_stream_routes(route_table& routes) {
  routes.add({.method = "GET",
              .path = path_pattern("/stream"),
              .where = served_on::streams,
              .wants = credential::api_key,
              .summary = "Opens a stream of stored events, as docs/wire_protocol.md says.",
              .answers = {{.status = 101, .meaning = becomes_websocket}},
              .open = open_as(requests::stream_mode::stream)});
  routes.add({.method = "GET",
              .path = path_pattern("/subscribe"),
              .where = served_on::streams,
              .wants = credential::api_key,
              .summary = "Opens a stream of events from now on, at most once each.",
              .answers = {{.status = 101, .meaning = becomes_websocket}},
              .open = open_as(requests::stream_mode::subscribe)});
  routes.add({.method = "GET",
              .path = path_pattern("/v1/projects/{project}/tail"),
              .summary = "Shows a table's events from now on, all columns of them.",
              .query = {{"table", "`{schema}.{table}`, percent-encoded.", true}},
              .answers = {{.status = 101, .meaning = becomes_websocket}},
              .open = open_tail});
}

}  // namespace pulse::server
