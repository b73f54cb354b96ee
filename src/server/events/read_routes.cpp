#include <memory>
#include <utility>

#include "server/events/event_routes.hpp"
#include "server/events/page_reading.hpp"
#include "server/events/read_request.hpp"

namespace pulse::server {
namespace {

constexpr std::string_view native_event_schema = R"({
  "type": "object", "description": "One row change, as docs/native_events.md says",
  "required": ["action", "id", "schema", "table", "commit_lsn", "lsn", "committed_at", "before",
               "before_kind", "after"],
  "properties": {
    "action": {"enum": ["create", "update", "delete", "truncate"]},
    "id": {"type": "string"},
    "schema": {"type": "string"},
    "table": {"type": "string"},
    "commit_lsn": {"type": "string"},
    "lsn": {"type": "string"},
    "committed_at": {"type": "string"},
    "before": {"type": ["object", "null"]},
    "before_kind": {"enum": ["none", "key", "full"]},
    "after": {"type": ["object", "null"]},
    "unchanged": {"type": "array", "items": {"type": "string"}},
    "unrendered": {"type": "object"},
    "json_null": {"type": "object"}
  }
})";
constexpr std::string_view page_schema = R"({
  "type": "object", "required": ["events", "next", "caughtUp", "end"],
  "properties": {
    "events": {"type": "array", "items": {"$ref": "#NativeEvent"}},
    "next": {"type": "string", "description": "Send it as `after` for the next page"},
    "caughtUp": {"type": "boolean", "description": "There was nothing more that may be delivered"},
    "end": {
      "type": "object", "required": ["lsn", "source"],
      "description": "How far the database's history is known",
      "properties": {
        "lsn": {"type": "string"},
        "source": {"enum": ["database", "captured"]}
      }
    }
  }
})";
constexpr std::string_view query_schema = R"({
  "type": "object", "required": ["tables", "after"],
  "properties": {
    "tables": {
      "type": "array", "description": "1 to 64 tables, each once",
      "items": {
        "description": "\"schema.table\", or an object",
        "type": ["string", "object"],
        "properties": {
          "table": {"type": "string"},
          "schema": {"type": "string", "description": "With it, `table` may have dots"},
          "where": {"type": "object", "description": "Instead of the `where` of all"}
        }
      }
    },
    "where": {"type": "object", "description": "Filters, as docs/native_events.md says"},
    "after": {"type": "string",
              "description": "beginning, now, a `next` token, an event's id, a time or an LSN"},
    "limit": {"type": "integer", "description": "Events of the page: 1 to 1000, 100 by default"},
    "maxBytes": {"type": ["string", "integer"],
                 "description": "Of the page's events: at most 8 MiB, 1 MiB by default"},
    "wait": {"type": ["string", "number"],
             "description": "For the first event: at most 55s, 0 by default"},
    "acceptGap": {"type": "integer", "description": "Continue after this gap"},
    "until": {"enum": ["end"],
              "description": "Nothing that commits after the request; caughtUp ends the job"}
  }
})";

// What a request takes while it waits: its filters as JSON and compiled, several times its text.
std::size_t held_bytes_of(const http_request& request) {
  constexpr std::size_t at_least = 2048;
  return at_least + 8 * (request.body.size() + request.target.size());
}

void read_page(const exchange_pointer& asked, const result<read_request>& wanted) {
  const auto form = accepted_form(asked->request().header("accept"));
  if (!form) {
    return asked->refuse(406, "this route answers in none of the accepted types",
                         "accept application/json, application/x-ndjson, text/event-stream or "
                         "application/cloudevents-batch+json");
  }
  if (asked->failed(wanted)) return;
  std::make_shared<page_reading>(asked, *wanted, *form, held_bytes_of(asked->request()))->begin();
}

void get_events(const exchange_pointer& asked) {
  const auto& request = asked->request();
  read_page(asked, read_page_query(request.target, request.header("last-event-id"),
                                   asked->who().key.project));
}

void query_events(const exchange_pointer& asked) {
  read_page(asked, read_page_body(asked->request().body, asked->who().key.project));
}

}  // namespace

void add_read_routes(route_table& routes) {
  routes.add_schema("NativeEvent", native_event_schema);
  routes.add_schema("EventPage", page_schema);
  routes.add(
      {.method = "GET",
       .path = path_pattern("/v1/events"),
       .where = served_on::streams,
       .wants = credential::api_key,
       .summary = "Reads a page of stored events; the client keeps the place.",
       .query = {{"table", "`{schema}.{table}`, percent-encoded; several times for several tables.",
                  true},
                 {"after", "beginning, now, `next` of a page, an event's id, a time or an LSN.",
                  true},
                 {"limit", "Events of the page: 1 to 1000, 100 by default."},
                 {"wait", "For the first event: at most 55s, 0 by default."},
                 {"acceptGap", "The id of a gap, to continue after it."},
                 {"until", "end: nothing that commits after the request; caughtUp ends the job."}},
       .answers = {{.schema = "#EventPage"}},
       .handle = get_events});
  routes.add({.method = "POST",
              .path = path_pattern("/v1/events/query"),
              .where = served_on::streams,
              .wants = credential::api_key,
              .summary = "Reads a page of stored events by filters; the client keeps the place.",
              .body = query_schema,
              .answers = {{.schema = "#EventPage"}},
              .handle = query_events});
}

}  // namespace pulse::server
