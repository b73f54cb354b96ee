#include "server/admin/admin_api.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/percent_encoding.hpp"
#include "server/admin/admin_json.hpp"
#include "server/admin/admin_pages.hpp"
#include "server/secret.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;

constexpr std::size_t label_bytes_max = 200;

http_response json_answer(const json::object& body, unsigned status = 200) {
  http_response answer;
  answer.status = status;
  answer.body = json::serialize(body);
  return answer;
}

// One call: who is asked for what, and where the answer goes.
struct call : std::enable_shared_from_this<call> {
  std::shared_ptr<server_context> context;
  std::string request_id;
  std::string method;
  std::string body;
  std::vector<std::string> path;  // still encoded, behind /v1
  std::string asked_target;       // with the query
  respond done;

  void answer(http_response response) { std::exchange(done, nullptr)(std::move(response)); }
  void no(const refusal& why) { answer(to_response(why, request_id)); }
  void no(unsigned status, std::string message, std::string next = {}) {
    no({status, pulse_code::server_error, std::move(message), std::move(next)});
  }
  // Hands a failure on; true when there was one.
  template <class T>
  bool failed(const result<T>& outcome) {
    if (outcome) return false;
    no(refuse(outcome.error()));
    return true;
  }

  void dispatch();
  void keys(const std::string& project);
  void create_key(const std::string& project);
  void revoke_key(const std::string& project, const std::string& id);
  void list_projects();
  std::vector<streams::stream_status> open_streams(const std::string& project) const;
  void list_streams(const std::string& project);
  void cursor(const std::string& project);
  void show_cursor(const std::string& project, const streams::cursor_key& key);
  void seek_cursor(const std::string& project, const streams::cursor_key& key);
  void delete_cursor(const std::string& project, const streams::cursor_key& key);
  void list_gaps(const std::string& project);
  void accept_gap(const std::string& project, std::string_view id);
  void skip_change(const std::string& project);
};

void call::dispatch() {
  const auto nothing_here = [this] { no(404, "there is nothing at this path"); };
  if (path.empty() || path[0] != "projects") return nothing_here();
  if (path.size() == 1) {
    return method == "GET" ? list_projects() : no(405, "projects are read with GET");
  }
  const auto project = percent_decode(path[1]);
  if (!project) return no(400, "the project's name has an invalid percent-encoding");
  if (context->registry->project(*project) == nullptr) {
    return no(unknown_project(*context, *project));
  }
  if (path.size() == 3 && path[2] == "keys") return keys(*project);
  if (path.size() == 4 && path[2] == "keys") {
    if (method != "DELETE") return no(405, "a key is revoked with DELETE");
    const auto id = percent_decode(path[3]);
    return id ? revoke_key(*project, *id) : nothing_here();
  }
  if (path.size() == 3 && path[2] == "streams") {
    return method == "GET" ? list_streams(*project) : no(405, "streams are read with GET");
  }
  if ((path.size() == 5 || path.size() == 6) && path[2] == "cursors") return cursor(*project);
  if (path.size() == 3 && path[2] == "gaps") {
    return method == "GET" ? list_gaps(*project) : no(405, "gaps are read with GET");
  }
  if (path.size() == 4 && path[2] == "gaps" && path[3] == "skip") {
    return method == "POST" ? skip_change(*project) : no(405, "a change is skipped with POST");
  }
  if (path.size() == 5 && path[2] == "gaps" && path[4] == "accept") {
    return method == "POST" ? accept_gap(*project, path[3])
                            : no(405, "a gap is accepted with POST");
  }
  nothing_here();
}

void call::list_projects() {
  json::array projects;
  for (const auto& [name, project] : context->registry->projects()) {
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
  answer(json_answer({{"projects", std::move(projects)}}));
}

void call::keys(const std::string& project) {
  if (method == "POST") return create_key(project);
  if (method != "GET") return no(405, "keys are read with GET and made with POST");
  context->backend->list_keys(
      project, [self = shared_from_this()](const result<std::vector<key_description>>& keys) {
        if (self->failed(keys)) return;
        json::array list;
        for (const auto& key : *keys) list.push_back(describe(key));
        self->answer(json_answer({{"keys", std::move(list)}}));
      });
}

void call::create_key(const std::string& project) {
  std::string label;
  if (!body.empty()) {
    json::error_code bad;
    const auto parsed = json::parse(body, bad);
    const auto* object = bad ? nullptr : parsed.if_object();
    const auto* given = object == nullptr ? nullptr : object->if_contains("label");
    if (object == nullptr || (given != nullptr && !given->is_string())) {
      return no(400, R"(the body must be {"label":"…"} or empty)");
    }
    if (given != nullptr) label = given->get_string();
  }
  if (label.size() > label_bytes_max) {
    return no(400, "the label is longer than " + std::to_string(label_bytes_max) + " bytes");
  }
  context->backend->create_key(project, label,
                               [self = shared_from_this()](const result<created_key>& made) {
                                 if (self->failed(made)) return;
                                 auto described = describe(made->description);
                                 described["key"] = made->key;
                                 auto response = json_answer(described, 201);
                                 response.headers.emplace_back("cache-control", "no-store");
                                 self->answer(std::move(response));
                               });
}

void call::revoke_key(const std::string& project, const std::string& id) {
  context->backend->revoke_key(project, id,
                               [self = shared_from_this(), id](const result<void>& revoked) {
                                 if (self->failed(revoked)) return;
                                 end_sessions_of_key(*self->context, id);
                                 self->answer(json_answer({}));
                               });
}

// None of a project that has gone meanwhile.
std::vector<streams::stream_status> call::open_streams(const std::string& project) const {
  const auto service = context->registry->project(project);
  const auto streams = service ? service->streams() : nullptr;
  return streams ? streams->status() : std::vector<streams::stream_status>();
}

void call::list_streams(const std::string& project) {
  const auto page = page_of(asked_target);
  if (!page) {
    return no(400, "a page is ?limit=N&after={schema}.{table}/{name}",
              "limit is 1 to " + std::to_string(page_names_max) +
                  "; take the rest from `next` of the page before");
  }
  auto asked = *page;
  ++asked.limit;
  context->backend->list_cursors(project, asked,
                                 [self = shared_from_this(), project,
                                  page = *page](const result<std::vector<stored_cursor>>& stored) {
                                   if (self->failed(stored)) return;
                                   const auto count = std::min(stored->size(), page.limit);
                                   std::optional<streams::cursor_key> last;
                                   if (stored->size() > page.limit) last = (*stored)[count - 1].key;
                                   json::array open;
                                   for (const auto& stream : self->open_streams(project)) {
                                     if (is_on_page(stream.key, page, last))
                                       open.push_back(describe(stream));
                                   }
                                   json::array cursors;
                                   const auto now = self->context->clock->now();
                                   for (std::size_t i = 0; i < count; ++i)
                                     cursors.push_back(describe((*stored)[i], now));
                                   json::object listed{{"streams", std::move(open)},
                                                       {"cursors", std::move(cursors)}};
                                   if (last) listed["next"] = after_of(*last);
                                   self->answer(json_answer(listed));
                                 });
}

void call::cursor(const std::string& project) {
  const auto dot = path[3].find('.');
  const auto schema = percent_decode(std::string_view(path[3]).substr(0, dot));
  const auto bare = percent_decode(
      dot == std::string::npos ? std::string_view() : std::string_view(path[3]).substr(dot + 1));
  const auto name = percent_decode(path[4]);
  if (!schema || !bare || !name || schema->empty() || bare->empty() || name->empty()) {
    return no(400, "a cursor's path is cursors/{schema}.{table}/{name}",
              "percent-encode the names; a dot within one is %2E");
  }
  const streams::cursor_key key{{*schema, *bare}, *name};
  if (path.size() == 6) {
    if (path[5] != "seek") return no(404, "there is nothing at this path");
    return method == "POST" ? seek_cursor(project, key) : no(405, "a cursor is moved with POST");
  }
  if (method == "GET") return show_cursor(project, key);
  if (method == "DELETE") return delete_cursor(project, key);
  no(405, "a cursor is read with GET and deleted with DELETE");
}

void call::show_cursor(const std::string& project, const streams::cursor_key& key) {
  context->backend->show_cursor(
      project, key, [self = shared_from_this(), project](const result<stored_cursor>& found) {
        if (self->failed(found)) return;
        auto shown = describe(*found, self->context->clock->now());
        json::array open;
        for (const auto& stream : self->open_streams(project)) {
          if (stream.key == found->key) open.push_back(describe(stream));
        }
        shown["streams"] = std::move(open);
        self->answer(json_answer(shown));
      });
}

void call::seek_cursor(const std::string& project, const streams::cursor_key& key) {
  json::error_code bad;
  const auto parsed = json::parse(body, bad);
  const auto* object = bad ? nullptr : parsed.if_object();
  const auto* to = object == nullptr ? nullptr : object->if_contains("to");
  if (to == nullptr || !to->is_string()) return no(400, R"(the body must be {"to":"…"})");
  const auto target = streams::parse_seek_target(to->get_string());
  if (failed(target)) return;
  context->backend->seek_cursor(
      project, key, *target, [self = shared_from_this()](const result<cursor_move>& moved) {
        if (self->failed(moved)) return;
        self->answer(json_answer({{"from", to_string(moved->from)}, {"to", to_string(moved->to)}}));
      });
}

void call::delete_cursor(const std::string& project, const streams::cursor_key& key) {
  context->backend->delete_cursor(project, key,
                                  [self = shared_from_this()](const result<void>& deleted) {
                                    if (self->failed(deleted)) return;
                                    self->answer(json_answer({}));
                                  });
}

void call::list_gaps(const std::string& project) {
  context->backend->list_gaps(
      project, [self = shared_from_this()](const result<std::vector<control::stored_gap>>& gaps) {
        if (self->failed(gaps)) return;
        json::array list;
        for (const auto& gap : *gaps) list.push_back(control::to_json(gap));
        self->answer(json_answer({{"gaps", std::move(list)}}));
      });
}

void call::skip_change(const std::string& project) {
  json::error_code bad;
  const auto parsed = json::parse(body, bad);
  const auto* object = bad ? nullptr : parsed.if_object();
  const auto* given = object == nullptr ? nullptr : object->if_contains("at");
  const auto* text = given == nullptr ? nullptr : given->if_string();
  const auto at = text == nullptr ? std::nullopt : parse_lsn(*text);
  if (!at) {
    return no(400, R"(the body must be {"at":"LSN"}, the LSN of the change to skip)",
              "read the state of the project in /capturez");
  }
  context->backend->skip_change(
      project, *at, [self = shared_from_this()](const result<control::stored_gap>& gap) {
        if (self->failed(gap)) return;
        self->answer(json_answer(control::to_json(*gap)));
      });
}

void call::accept_gap(const std::string& project, std::string_view id) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (failure != std::errc() || end != id.data() + id.size()) {
    return no(404, "a gap's id is a number", "see `pulse gaps list`");
  }
  std::string by = "admin API";
  if (!body.empty()) {
    json::error_code bad;
    const auto parsed = json::parse(body, bad);
    const auto* object = bad ? nullptr : parsed.if_object();
    const auto* given = object == nullptr ? nullptr : object->if_contains("by");
    if (object == nullptr || (given != nullptr && !given->is_string())) {
      return no(400, R"(the body must be {"by":"…"} or empty)");
    }
    if (given != nullptr) by = given->get_string();
  }
  if (by.empty() || by.size() > label_bytes_max) {
    return no(400, "who accepts the gap has 1 to " + std::to_string(label_bytes_max) + " bytes");
  }
  context->backend->accept_gap(project, number, by,
                               [self = shared_from_this()](const result<control::stored_gap>& gap) {
                                 if (self->failed(gap)) return;
                                 self->answer(json_answer(control::to_json(*gap)));
                               });
}

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> all;
  while (!path.empty()) {
    const auto slash = path.find('/');
    all.emplace_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return all;
}

}  // namespace

std::optional<refusal> check_admin_token(const server_context& context,
                                         const http_request& request) {
  if (context.options.admin_token.empty()) {
    return refusal{403, pulse_code::server_error, "administration is off: Pulse has no admin token",
                   "set an admin token (PULSE_ADMIN_TOKEN) and restart Pulse"};
  }
  const auto presented = bearer_token(request.header("authorization"));
  if (!presented || !equal_in_constant_time(*presented, context.options.admin_token)) {
    return refusal{401, pulse_code::unauthorized, "the admin token is missing or wrong",
                   "send it as authorization: Bearer <token>"};
  }
  return std::nullopt;
}

void admin_call(const std::shared_ptr<server_context>& context, const http_request& request,
                const std::string& request_id, respond done) {
  auto one = std::make_shared<call>();
  one->context = context;
  one->request_id = request_id;
  one->method = request.method;
  one->body = request.body;
  one->asked_target = request.target;
  one->path = segments(request.path().substr(std::string_view("/v1/").size()));
  one->done = std::move(done);
  if (const auto refused = check_admin_token(*context, request)) return one->no(*refused);
  one->dispatch();
}

}  // namespace pulse::server
