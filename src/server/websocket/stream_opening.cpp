#include "server/websocket/stream_opening.hpp"

#include "requests/table_resolver.hpp"
#include <chrono>
#include <utility>

#include <boost/json/object.hpp>

#include "base/logging.hpp"
#include "base/percent_encoding.hpp"
#include "server/admin/admin_api.hpp"
#include "server/secret.hpp"

namespace pulse::server {
namespace {

constexpr std::string_view tail_prefix = "/v1/projects/";
constexpr std::string_view tail_suffix = "/tail";

// When a project that is still opening is asked for again: most take less.
constexpr std::chrono::seconds unserved_retry{1};

struct opening : std::enable_shared_from_this<opening> {
  std::shared_ptr<server_context> context;
  std::string request_id;
  key_identity key;
  std::weak_ptr<project_service> project;  // that was asked
  std::string presented_key;               // secret; empty: the admin's token opened it
  requests::stream_request wanted;
  streams::cursor_key stream;
  std::function<void(opening_result)> done;

  void refuse_with(const refusal& why) {
    context->figures.refused_streams.Increment();
    if (context->lines.refused.take(context->now())) {
      log_info("server", "stream refused",
               {{"project", key.project},
                {"key", key.key_id},
                {"status", why.status},
                {"code", to_string(why.code)},
                {"request_id", request_id},
                {"reason", why.message}});
    }
    std::exchange(done, nullptr)(why);
  }

  void begin(const http_request& request, requests::stream_mode mode) {
    const auto presented = bearer_token(request.header("authorization"));
    if (!presented) {
      return refuse_with({401, pulse_code::unauthorized,
                          "the request has no API key (authorization: Bearer <key>)"});
    }
    auto accepted = context->registry->authenticate(*presented);
    if (!accepted) return refuse_with(no_such_key());
    key = std::move(*accepted);
    presented_key = *presented;
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

  void begin_tail(const http_request& request) {
    if (const auto refused = check_admin_token(*context, request)) return refuse_with(*refused);
    auto path = request.path().substr(tail_prefix.size());
    path.remove_suffix(tail_suffix.size());
    const auto name = percent_decode(path);
    const auto of = name ? context->registry->project(*name) : nullptr;
    key = {"admin", name.value_or("")};
    if (of == nullptr) return refuse_with(unknown_project(*context, key.project));
    constexpr std::string_view parameter = "?table=";
    const auto query = request.target.find(parameter);
    auto table = query == std::string::npos
                     ? std::string_view()
                     : std::string_view(request.target).substr(query + parameter.size());
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

  // A key may be revoked while the database or the disk is waited for. end_sessions_of_key() ends
  // what has started, after the key has become wrong; what starts later asks here, in the same turn
  // of the thread in which it starts.
  bool key_was_revoked() const {
    return !presented_key.empty() && !context->registry->authenticate(presented_key);
  }

  void resolved(result<resolved_table> table) {
    // Before the stream's name is taken.
    if (key_was_revoked()) return refuse_with(no_such_key());
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
               if (self->key_was_revoked()) {
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

  static refusal no_such_key() {
    return {401, pulse_code::unauthorized, "the API key is wrong or was revoked",
            "create one with 'pulse keys create'"};
  }

  refusal no_project() const {
    return {404, pulse_code::server_error,
            "the project '" + key.project + "' of this API key does not exist here"};
  }
};

}  // namespace

bool is_tail(std::string_view path) {
  return path.starts_with(tail_prefix) && path.ends_with(tail_suffix) &&
         path.size() > tail_prefix.size() + tail_suffix.size();
}

void open_tail(const std::shared_ptr<server_context>& context, const http_request& request,
               const std::string& request_id, std::function<void(opening_result)> done) {
  auto one = std::make_shared<opening>();
  one->context = context;
  one->request_id = request_id;
  one->done = std::move(done);
  one->begin_tail(request);
}

void open_stream(const std::shared_ptr<server_context>& context, const http_request& request,
                 requests::stream_mode mode, const std::string& request_id,
                 std::function<void(opening_result)> done) {
  auto one = std::make_shared<opening>();
  one->context = context;
  one->request_id = request_id;
  one->done = std::move(done);
  if (context->stopping) {
    return one->refuse_with(
        {503, pulse_code::server_error, "Pulse is shutting down", "connect again"});
  }
  one->begin(request, mode);
}

}  // namespace pulse::server
