#include "server/websocket/stream_opening.hpp"

#include <chrono>
#include <utility>

#include <boost/json/object.hpp>

#include "base/logging.hpp"
#include "base/percent_encoding.hpp"
#include "requests/table_resolver.hpp"
#include "server/http/query_string.hpp"
#include "server/websocket/websocket_session.hpp"

namespace pulse::server {
namespace {

// When a project that is still opening is asked for again: most take less.
constexpr std::chrono::seconds unserved_retry{1};

// Does not keep the request: its headers are large, and databases and disks are waited for.
struct opening : std::enable_shared_from_this<opening> {
  opening(const http_exchange& asked, std::function<void(opening_result)> then)
      : context(asked.shared_context()),
        request_id(asked.request_id()),
        who(asked.who()),
        key(who.key),
        done(std::move(then)) {}

  std::shared_ptr<server_context> context;
  std::string request_id;
  caller who;
  key_identity key;
  std::weak_ptr<project_service> project;  // that was asked
  requests::stream_request wanted;
  streams::cursor_key stream;
  std::function<void(opening_result)> done;

  void refuse_with(const refusal& why) {
    note_refused_stream(*context, key, request_id, why);
    std::exchange(done, nullptr)(why);
  }

  void begin(const http_request& request, requests::stream_mode mode) {
    if (context->stopping) return refuse_with(refuse_while_stopping());
    const auto of = context->registry->project(key.project);
    if (of == nullptr) return refuse_with(no_project());
    if (mode == requests::stream_mode::stream && !of->event_persistence()) {
      return refuse_with({403, pulse_code::streams_disabled,
                          "stream() needs event persistence, which is off in this project",
                          "switch event persistence on, or use subscribe()"});
    }
    auto parsed =
        requests::parse_request(mode, request.header("subscription"), request.header("stream"));
    if (!parsed) return refuse_with(refuse(parsed.error()));
    wanted = std::move(parsed).value();
    of->complete(wanted.model);
    ask_for_table(of);
  }

  void ask_for_table(const std::shared_ptr<project_service>& of) {
    if (const auto why = of->not_serving()) return refuse_with(refuse_unserved(*why));
    project = of;
    of->resolve(wanted, [self = shared_from_this()](result<resolved_table> table) {
      self->resolved(std::move(table));
    });
  }

  void begin_tail(const http_request& request, const std::string& project_name) {
    key = {"admin", project_name};
    const auto of = context->registry->project(key.project);
    if (of == nullptr) return refuse_with(unknown_project(*context, key.project));
    const auto query = query_string::of_target(request.target);
    const auto* asked = query ? query->find("table") : nullptr;
    const auto table = asked == nullptr ? std::string_view() : asked->raw_value;
    const auto dot = table.find('.');
    const auto schema = percent_decode(dot == std::string_view::npos ? "" : table.substr(0, dot));
    const auto bare = percent_decode(dot == std::string_view::npos ? table : table.substr(dot + 1));
    if (!schema || !bare || bare->empty())
      return refuse_with({400, pulse_code::server_error, "the table is missing",
                          "add ?table={schema}.{table}; a dot within a name is %2E"});
    wanted.mode = requests::stream_mode::subscribe;
    wanted.model.name = wanted.model.table = *bare;
    wanted.model.schema = *schema;
    wanted.wanted.create.emplace();
    wanted.wanted.update_after.emplace();
    wanted.wanted.remove.emplace();
    wanted.form = requests::event_form::native;
    ask_for_table(of);
  }

  void resolved(result<resolved_table> table) {
    // Before the stream's name is taken.
    if (key_was_revoked(*context, who)) return refuse_with(no_such_key());
    if (!table) return refuse_with(refuse_for_datasource(table.error()));
    if (auto sent = requests::check_published_actions(table->publication, wanted.wanted); !sent)
      return refuse_with(refuse(sent.error()));
    const auto of = still_there();
    if (of == nullptr) return refuse_with(no_project());
    auto host = context->host_of(*of);
    auto session = std::make_shared<websocket_session>(context, key, request_id);
    auto* to = host.get();
    stream = {table->shape.definition->table, wanted.name};
    to->open(std::move(wanted), table->shape, table->now, session,
             [self = shared_from_this(), host, session](result<filters::stream_id> outcome) {
               if (!outcome) return self->refuse_with(self->refusal_of(outcome.error()));
               session->opened(host, *outcome);
               if (key_was_revoked(*self->context, self->who)) {
                 session->abandon();
                 return self->refuse_with(no_such_key());
               }
               self->tell_of_opened();
               std::exchange(self->done, nullptr)(session);
             });
  }

  void tell_of_opened() const {
    if (!context->lines.opened.take(context->now())) return;
    log_info("server", "stream opened",
             {{"project", key.project},
              {"key", key.key_id},
              {"table", to_string(stream.table)},
              {"stream", stream.name},
              {"request_id", request_id}});
  }

  // The project may have gone while the database or the disk was waited for, and another one may
  // have come by its name.
  std::shared_ptr<project_service> still_there() const {
    const auto asked = project.lock();
    return asked && context->registry->project(key.project) == asked ? asked : nullptr;
  }

  // With the gap, when the stream has reached one.
  refusal refusal_of(const error& why) const {
    auto answer = refuse(why);
    const auto of = still_there();
    if (why.code != errc::gap || of == nullptr) return answer;
    if (const auto gap = of->streams()->gap_of(stream)) answer.gap = control::to_json(*gap);
    return answer;
  }

  static refusal refuse_unserved(const error& why) {
    auto answer = refuse(why);
    if (why.code == errc::unavailable) answer.retry_after = unserved_retry;
    return answer;
  }

  refusal no_project() const {
    return {404, pulse_code::server_error,
            "the project '" + key.project + "' of this API key does not exist here"};
  }
};

websocket_opener open_as(requests::stream_mode mode) {
  return [mode](const exchange_pointer& asked, std::function<void(opening_result)> done) {
    std::make_shared<opening>(*asked, std::move(done))->begin(asked->request(), mode);
  };
}

void open_tail(const exchange_pointer& asked, std::function<void(opening_result)> done) {
  std::make_shared<opening>(*asked, std::move(done))
      ->begin_tail(asked->request(), asked->parameter("project"));
}

constexpr std::string_view becomes_websocket = "The connection becomes a WebSocket.";

}  // namespace

void note_refused_stream(server_context& context, const key_identity& key,
                         const std::string& request_id, const refusal& why) {
  context.figures.refused_streams.Increment();
  if (!context.lines.refused.take(context.now())) return;
  log_info("server", "stream refused",
           {{"project", key.project},
            {"key", key.key_id},
            {"status", why.status},
            {"code", to_string(why.code)},
            {"request_id", request_id},
            {"reason", why.message}});
}

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
