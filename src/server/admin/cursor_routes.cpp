#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "server/admin/admin_handlers.hpp"
#include "server/admin/admin_json.hpp"
#include "server/admin/admin_pages.hpp"
#include "server/admin/admin_routes.hpp"
#include "streams/seek.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;

constexpr std::string_view stream_schema = R"({
  "type": "object", "description": "A stream that is open",
  "required": ["id", "mode", "kind", "since", "table", "name", "delivered", "acknowledged",
               "redelivered", "dropped", "undecided", "inFlightEvents", "inFlightBytes", "standby",
               "stalled", "cursor", "lagBytes"],
  "properties": {
    "id": {"type": "integer"},
    "mode": {"enum": ["stream", "subscribe"]},
    "kind": {"enum": ["websocket", "event_stream", "pull"]},
    "since": {"type": "string", "format": "date-time"},
    "table": {"type": "string"},
    "name": {"type": "string", "description": "Empty: it has none"},
    "delivered": {"type": "integer"},
    "acknowledged": {"type": "integer"},
    "redelivered": {"type": "integer"},
    "dropped": {"type": "integer"},
    "undecided": {"type": "integer", "description": "Delivered because the filter could not decide"},
    "inFlightEvents": {"type": "integer", "description": "Sent and not acknowledged"},
    "inFlightBytes": {"type": "integer"},
    "standby": {"type": "boolean", "description": "It waits for the name"},
    "stalled": {"type": "boolean"},
    "cursor": {"type": "string"},
    "lagBytes": {"type": "integer"}
  }
})";
constexpr std::string_view cursor_schema = R"({
  "type": "object", "description": "How far a name has acknowledged",
  "required": ["table", "name", "condition", "cursor", "lagEvents", "lagEventsAtLeast", "lagBytes",
               "lagSeconds", "movedAt", "usedAt"],
  "properties": {
    "table": {"type": "string"},
    "name": {"type": "string"},
    "condition": {"enum": ["kept", "expired", "abandoned"]},
    "cursor": {"type": "string"},
    "lagEvents": {"type": "integer"},
    "lagEventsAtLeast": {"type": "boolean", "description": "There are more than were counted"},
    "lagBytes": {"type": "integer", "description": "Of WAL"},
    "lagSeconds": {"type": "integer", "description": "Age of the oldest event that waits"},
    "movedAt": {"type": ["string", "null"], "format": "date-time"},
    "usedAt": {"type": ["string", "null"], "format": "date-time"},
    "streams": {"type": "array", "items": {"$ref": "#Stream"},
                "description": "The open ones of this name, where one cursor is asked for"}
  }
})";
constexpr std::string_view list_schema = R"({
  "type": "object", "required": ["streams", "cursors"],
  "properties": {
    "streams": {"type": "array", "items": {"$ref": "#Stream"}},
    "cursors": {"type": "array", "items": {"$ref": "#Cursor"}},
    "next": {"type": "string", "description": "There are more: ask with it as `after`"}
  }
})";
constexpr std::string_view seek_body_schema = R"({
  "type": "object", "required": ["to"],
  "properties": {"to": {"type": "string",
    "description": "beginning, end, a time in ISO 8601, an LSN, or an event's id"}}
})";
constexpr std::string_view moved_schema = R"({
  "type": "object", "required": ["from", "to"],
  "properties": {"from": {"type": "string"}, "to": {"type": "string"}}
})";

// None of a project that has gone meanwhile.
std::vector<streams::stream_status> open_streams(const http_exchange& asked) {
  const auto service = asked.context().registry->project(asked.parameter("project"));
  const auto streams = service ? service->streams() : nullptr;
  return streams ? streams->status() : std::vector<streams::stream_status>();
}

json::object list_of(const http_exchange& asked, const cursor_page& page,
                     const std::vector<stored_cursor>& stored) {
  const auto count = std::min(stored.size(), page.limit);
  std::optional<streams::cursor_key> last;
  if (stored.size() > page.limit) last = stored[count - 1].key;
  json::array open;
  for (const auto& stream : open_streams(asked)) {
    if (is_on_page(stream.key, page, last)) open.push_back(describe(stream));
  }
  json::array cursors;
  const auto now = asked.context().clock->now();
  for (std::size_t i = 0; i < count; ++i) cursors.push_back(describe(stored[i], now));
  json::object listed{{"streams", std::move(open)}, {"cursors", std::move(cursors)}};
  if (last) listed["next"] = after_of(*last);
  return listed;
}

void list_cursors(const exchange_pointer& asked) {
  const auto page = page_of(asked->request().target);
  if (!page) {
    return asked->refuse(
        400, "a page is ?limit=N&after={schema}.{table}/{name}",
        fmt::format("limit is 1 to {}; take the rest from `next` of the page before",
                    page_names_max));
  }
  auto one_more = *page;
  ++one_more.limit;
  asked->context().backend->list_cursors(
      asked->parameter("project"), one_more,
      [asked, page = *page](const result<std::vector<stored_cursor>>& stored) {
        if (asked->failed(stored)) return;
        asked->answer(json_answer(list_of(*asked, page, *stored)));
      });
}

streams::cursor_key cursor_in_path(const http_exchange& asked) {
  return {{asked.parameter("schema"), asked.parameter("table")}, asked.parameter("name")};
}

void show_cursor(const exchange_pointer& asked) {
  asked->context().backend->show_cursor(asked->parameter("project"), cursor_in_path(*asked),
                                        [asked](const result<stored_cursor>& found) {
                                          if (asked->failed(found)) return;
                                          auto shown =
                                              describe(*found, asked->context().clock->now());
                                          json::array open;
                                          for (const auto& stream : open_streams(*asked)) {
                                            if (stream.key == found->key)
                                              open.push_back(describe(stream));
                                          }
                                          shown["streams"] = std::move(open);
                                          asked->answer(json_answer(shown));
                                        });
}

void seek_cursor(const exchange_pointer& asked) {
  const auto to = text_member(asked->request(), "to");
  if (!to || !*to) return asked->refuse(400, R"(the body must be {"to":"…"})");
  const auto target = streams::parse_seek_target(**to);
  if (asked->failed(target)) return;
  asked->context().backend->seek_cursor(
      asked->parameter("project"), cursor_in_path(*asked), *target,
      [asked](const result<cursor_move>& moved) {
        if (asked->failed(moved)) return;
        asked->answer(
            json_answer({{"from", to_string(moved->from)}, {"to", to_string(moved->to)}}));
      });
}

void delete_cursor(const exchange_pointer& asked) {
  asked->context().backend->delete_cursor(asked->parameter("project"), cursor_in_path(*asked),
                                          [asked](const result<void>& deleted) {
                                            if (asked->failed(deleted)) return;
                                            asked->answer(json_answer({}));
                                          });
}

}  // namespace

void add_cursor_routes(route_table& routes) {
  routes.add_schema("Stream", stream_schema);
  routes.add_schema("Cursor", cursor_schema);
  routes.add({.method = "GET",
              .path = path_pattern("/v1/projects/{project}/streams"),
              .summary = "Lists open streams and cursors by table and name, a page at a time.",
              .query = {{"limit", "Names on a page: 1 to 1000, which is the default."},
                        {"after", "`next` of the page before."}},
              .answers = {{.schema = list_schema}},
              .handle = in_project(list_cursors)});
  const path_pattern one("/v1/projects/{project}/cursors/{schema}.{table}/{name}");
  routes.add({.method = "GET",
              .path = one,
              .summary = "Shows one cursor, with its open streams and what waits for it.",
              .answers = {{.schema = "#Cursor"}},
              .handle = in_project(show_cursor)});
  routes.add({.method = "DELETE",
              .path = one,
              .summary = "Deletes a cursor; its open streams end.",
              .answers = {{.schema = R"({"type":"object"})"}},
              .handle = in_project(delete_cursor)});
  routes.add({.method = "POST",
              .path = path_pattern("/v1/projects/{project}/cursors/{schema}.{table}/{name}/seek"),
              .summary = "Moves a cursor; its open streams end and continue there.",
              .body = seek_body_schema,
              .answers = {{.schema = moved_schema}},
              .handle = in_project(seek_cursor)});
}

}  // namespace pulse::server
