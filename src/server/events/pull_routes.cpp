#include "server/events/pull_routes.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/iso_time.hpp"
#include "control/stored_gap.hpp"
#include "server/admin/admin_handlers.hpp"
#include "server/events/pull_request.hpp"
#include "server/http/http_exchange.hpp"
#include "server/stream_opener.hpp"
#include "streams/pulls.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds unavailable_retry{1};

constexpr std::string_view pull_body_schema = R"({
  "type": "object", "required": ["table"], "additionalProperties": false,
  "properties": {
    "table": {"description": "Its name, or {\"schema\":…,\"table\":…}"},
    "where": {"type": "object"},
    "from": {"enum": ["now", "beginning"], "description": "Where a new name starts"},
    "max": {"type": "integer", "description": "Events of a batch, 1 to 1000, 100 by default"},
    "maxBytes": {"description": "Of a batch, 1 MiB by default, 8 MiB at most"},
    "wait": {"description": "For the name and for an event, 0 s by default, 55 s at most"},
    "lease": {"description": "60 s by default, 1 s to 12 h"},
    "token": {"type": ["string", "null"], "description": "Of the lease; without one a new lease"},
    "until": {"enum": ["end"], "description": "Answer as soon as the database's end is reached"},
    "ack": {"type": "object", "properties": {
      "through": {"type": "string"}, "ids": {"type": "array", "items": {"type": "string"}}}}
  }
})";
constexpr std::string_view pulled_schema = R"({
  "type": "object", "required": ["token", "leaseExpiresAt", "attempts", "events", "caughtUp", "lag"],
  "properties": {
    "token": {"type": "string", "description": "Send it with the next pull"},
    "leaseExpiresAt": {"type": "string", "format": "date-time"},
    "attempts": {"type": "object", "additionalProperties": {"type": "integer"},
                 "description": "Of events that were handed out before, by id"},
    "events": {"type": "array", "items": {"type": "object"}},
    "caughtUp": {"type": "boolean",
                 "description": "Nothing more was stored for it; with until: through the end"},
    "end": {"type": "object", "required": ["lsn", "source"], "properties": {
      "lsn": {"type": "string"}, "source": {"enum": ["barrier", "flushed"]}}},
    "lag": {"type": "object", "required": ["bytes"], "properties": {
      "bytes": {"type": "integer", "description": "Of WAL, from the cursor to the newest event"}}}
  }
})";
constexpr std::string_view change_body_schema = R"({
  "type": "object", "required": ["token"], "additionalProperties": false,
  "properties": {
    "table": {}, "token": {"type": "string"},
    "ack": {"type": "object", "properties": {
      "through": {"type": "string"}, "ids": {"type": "array", "items": {"type": "string"}}}},
    "extend": {"description": "So long from now, 1 s to 12 h"},
    "release": {"type": "boolean", "description": "The name goes to whoever is next"}
  }
})";
constexpr std::string_view changed_schema = R"({
  "type": "object", "required": ["acknowledged", "leaseExpiresAt"],
  "properties": {
    "acknowledged": {"type": "integer", "description": "Events that were outstanding"},
    "leaseExpiresAt": {"type": ["string", "null"], "format": "date-time",
                       "description": "null: the lease is over"}
  }
})";

std::string_view to_string(streams::lease_problem problem) {
  switch (problem) {
    case streams::lease_problem::busy:
      return "busy";
    case streams::lease_problem::fenced:
      return "fenced";
    case streams::lease_problem::replaced:
      return "replaced";
    case streams::lease_problem::failed:
      return "failed";
  }
  return "failed";
}

refusal refuse_lease(const streams::lease_refusal& why) {
  auto answer = refuse(why.why);
  if (why.what != streams::lease_problem::failed) answer.more["reason"] = to_string(why.what);
  if (why.holder) {
    answer.more["holder"] =
        json::object{{"kind", to_string(why.holder->kind)}, {"since", iso_time(why.holder->since)}};
  }
  if (why.gap) answer.gap = control::to_json(*why.gap);
  if (answer.status == 503) answer.retry_after = unavailable_retry;
  return answer;
}

// Events are JSON already, and may be many.
http_response batch_answer(const streams::pulled& batch,
                           const std::optional<project_service::end_mark>& end) {
  json::object attempts;
  for (const auto& [id, count] : batch.repeated) attempts[pulse::to_string(id)] = count;
  json::object rest{{"caughtUp", batch.caught_up}, {"lag", {{"bytes", batch.lag_bytes}}}};
  if (end) {
    rest["end"] = json::object{{"lsn", pulse::to_string(end->at.commit)},
                               {"source", end->is_barrier ? "barrier" : "flushed"}};
  }
  auto head = json::serialize(json::object{{"token", batch.token},
                                           {"leaseExpiresAt", iso_time(batch.expires_at)},
                                           {"attempts", std::move(attempts)}});
  head.pop_back();
  http_response answer;
  answer.body = std::move(head) + R"(,"events":[)" + batch.events->json() + "]," +
                json::serialize(rest).substr(1);
  return answer;
}

// A pull that is being answered.
struct pulling : std::enable_shared_from_this<pulling> {
  pulling(exchange_pointer exchange, pull_body wanted)
      : asked(std::move(exchange)), body(std::move(wanted)) {}

  exchange_pointer asked;
  pull_body body;
  std::shared_ptr<streams::pulls> leases;
  std::optional<project_service::end_mark> end;
  std::weak_ptr<streams::pull> under_way;
  bool over = false;  // nobody waits for the answer any more

  void begin() {
    const auto of = asked->context().registry->project(asked->who().key.project);
    leases = of->pulls();
    if (const auto why = of->not_serving(); why || leases == nullptr) {
      auto answer = why ? refuse(*why) : refusal{503, pulse_code::server_error, "no streams yet"};
      if (answer.status == 503) answer.retry_after = unavailable_retry;
      return asked->refuse(answer);
    }
    const auto& context = asked->context();
    asked->wait(context.now() + body.wait + context.options.answer_timeout,
                [self = shared_from_this()](wait_end why) { self->not_awaited(why); });
    if (!body.until_end) return start();
    of->find_end([self = shared_from_this()](const result<project_service::end_mark>& found) {
      if (self->over) return;
      if (!found) return self->asked->refuse(refuse_for_datasource(found.error()));
      self->end = *found;
      self->start();
    });
  }

  void start() {
    if (over) return;
    streams::pull_request request;
    request.wanted = std::move(body.wanted);
    request.asked = std::move(body.asked);
    request.token = body.token;
    request.acknowledged = std::move(body.acknowledged);
    request.events_max = body.events_max;
    request.bytes_max = body.bytes_max;
    request.wait = body.wait;
    request.length = body.length;
    if (end) request.until = end->at;
    request.open = [self = shared_from_this()](streams::stream_opening what, auto done) {
      self->open(std::move(what), std::move(done));
    };
    under_way = leases->start(
        std::move(request),
        [self = shared_from_this()](const streams::lease_result<streams::pulled>& outcome) {
          self->answer(outcome);
        });
  }

  void open(streams::stream_opening what,
            std::function<void(std::optional<streams::opened_for_lease>)> done) {
    const auto opener = std::make_shared<stream_opener>(
        *asked, asked->who().key,
        [self = shared_from_this(),
         done = std::move(done)](const boost::system::result<opened_stream, refusal>& opened) {
          if (opened) return done(streams::opened_for_lease{opened->id, opened->key});
          done(std::nullopt);
          if (!self->over) self->asked->refuse(opened.error());
        });
    if (const auto no = opener->check(requests::stream_mode::stream)) return opener->refuse(*no);
    what.from_beginning = body.from_beginning;
    opener->open(std::move(what));
  }

  void answer(const streams::lease_result<streams::pulled>& outcome) {
    if (std::exchange(over, true)) return;
    // The batch stays outstanding until the lease is over.
    if (key_was_revoked(asked->context(), asked->who())) return asked->refuse(no_such_key());
    if (!outcome) return asked->refuse(refuse_lease(outcome.error()));
    asked->answer(batch_answer(*outcome, end));
    leases.reset();
  }

  void not_awaited(wait_end why) {
    if (std::exchange(over, true)) return;
    if (const auto one = under_way.lock()) leases->abandon(one);
    leases.reset();
    if (why == wait_end::client_gone) return;
    const bool revoked = key_was_revoked(asked->context(), asked->who());
    asked->refuse(revoked ? no_such_key() : refuse_while_stopping());
  }
};

// What keeps streams of the caller's project from being served at all.
std::optional<refusal> check_project(const http_exchange& asked) {
  const auto opener = std::make_shared<stream_opener>(asked, asked.who().key, nullptr);
  return opener->check(requests::stream_mode::stream);
}

void pull_events(const exchange_pointer& asked) {
  if (const auto no = check_project(*asked)) return asked->refuse(*no);
  auto body = parse_pull(asked->parameter("name"), asked->request().body, streams::lease_limits{});
  if (asked->failed(body)) return;
  std::make_shared<pulling>(asked, std::move(*body))->begin();
}

void change_lease(const exchange_pointer& asked) {
  if (const auto no = check_project(*asked)) return asked->refuse(*no);
  const auto change =
      parse_lease_change(asked->parameter("name"), asked->request().body, streams::lease_limits{});
  if (asked->failed(change)) return;
  const auto of = asked->context().registry->project(asked->who().key.project);
  const auto leases = of->pulls();
  if (leases == nullptr) {
    return asked->refuse({503, pulse_code::server_error, "the project is not serving yet",
                          "try again", unavailable_retry});
  }
  leases->change(*change, [asked](const streams::lease_result<streams::lease_changed>& outcome) {
    if (!outcome) return asked->refuse(refuse_lease(outcome.error()));
    json::object changed{{"acknowledged", outcome->acknowledged}, {"leaseExpiresAt", nullptr}};
    if (outcome->expires_at) changed["leaseExpiresAt"] = iso_time(*outcome->expires_at);
    asked->answer(json_answer(changed));
  });
}

}  // namespace

void add_pull_routes(route_table& routes) {
  routes.add({.method = "POST",
              .path = path_pattern("/v1/streams/{name}/pull"),
              .where = served_on::streams,
              .wants = credential::api_key,
              .summary = "Takes the next batch of a named stream, and acknowledges the one before.",
              .body = pull_body_schema,
              .answers = {{.schema = pulled_schema}},
              .handle = pull_events});
  routes.add({.method = "POST",
              .path = path_pattern("/v1/streams/{name}/ack"),
              .where = served_on::streams,
              .wants = credential::api_key,
              .summary = "Acknowledges events of a batch; extends or releases its lease.",
              .body = change_body_schema,
              .answers = {{.schema = changed_schema}},
              .handle = change_lease});
}

}  // namespace pulse::server
