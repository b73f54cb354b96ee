#include <charconv>
#include <cstdint>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "change/position.hpp"
#include "control/stored_gap.hpp"
#include "server/admin/admin_handlers.hpp"
#include "server/admin/admin_routes.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;

constexpr std::string_view place_schema = R"({
  "type": "object", "required": ["timeline", "lsn"],
  "properties": {"timeline": {"type": "integer"}, "lsn": {"type": "string"}}
})";
constexpr std::string_view gap_schema = R"({
  "type": "object",
  "required": ["id", "kind", "reason", "after", "through", "vanished", "foundAt", "acceptedAt",
               "acceptedBy"],
  "properties": {
    "id": {"type": "integer"},
    "kind": {"type": "string"},
    "reason": {"type": "string"},
    "after": {"$ref": "#Place"},
    "through": {"anyOf": [{"$ref": "#Place"}, {"type": "null"}]},
    "vanished": {"anyOf": [{"type": "null"}, {
      "type": "object", "required": ["first", "last", "count"],
      "description": "Events whose transactions are not in the history that PostgreSQL now follows",
      "properties": {"first": {"type": "string"}, "last": {"type": "string"},
                     "count": {"type": "integer"}}
    }]},
    "foundAt": {"type": ["string", "null"], "format": "date-time"},
    "acceptedAt": {"type": ["string", "null"], "format": "date-time"},
    "acceptedBy": {"type": ["string", "null"]}
  }
})";
constexpr std::string_view gaps_schema = R"({
  "type": "object", "required": ["gaps"],
  "properties": {"gaps": {"type": "array", "items": {"$ref": "#Gap"}}}
})";
constexpr std::string_view skip_body_schema = R"({
  "type": "object", "required": ["at"],
  "properties": {"at": {"type": "string", "description": "The change's LSN"}}
})";
constexpr std::string_view accept_body_schema = R"({
  "type": "object", "properties": {"by": {"type": "string", "description": "Who accepts it"}}
})";

void list_gaps(const exchange_pointer& asked) {
  asked->context().backend->list_gaps(
      asked->parameter("project"), [asked](const result<std::vector<control::stored_gap>>& gaps) {
        if (asked->failed(gaps)) return;
        json::array list;
        for (const auto& gap : *gaps) list.push_back(control::to_json(gap));
        asked->answer(json_answer({{"gaps", std::move(list)}}));
      });
}

auto answer_with_gap(const exchange_pointer& asked) {
  return [asked](const result<control::stored_gap>& gap) {
    if (asked->failed(gap)) return;
    asked->answer(json_answer(control::to_json(*gap)));
  };
}

void skip_change(const exchange_pointer& asked) {
  const auto given = text_member(asked->request(), "at");
  const auto at = given && *given ? parse_lsn(**given) : std::nullopt;
  if (!at) {
    return asked->refuse(400, R"(the body must be {"at":"LSN"}, the LSN of the change to skip)",
                         "read the state of the project in /capturez");
  }
  asked->context().backend->skip_change(asked->parameter("project"), *at, answer_with_gap(asked));
}

void accept_gap(const exchange_pointer& asked) {
  const auto& id = asked->parameter("id");
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (failure != std::errc() || end != id.data() + id.size())
    return asked->refuse(404, "a gap's id is a number", "see `pulse gaps list`");
  const auto given = text_member(asked->request(), "by");
  if (asked->failed(given)) return;
  const auto by = given->value_or("admin API");
  if (by.empty() || by.size() > label_bytes_max) {
    return asked->refuse(400,
                         fmt::format("who accepts the gap has 1 to {} bytes", label_bytes_max));
  }
  asked->context().backend->accept_gap(asked->parameter("project"), number, by,
                                       answer_with_gap(asked));
}

}  // namespace

void add_gap_routes(route_table& routes) {
  routes.add_schema("Place", place_schema);
  routes.add_schema("Gap", gap_schema);
  routes.add({.method = "GET",
              .path = path_pattern("/v1/projects/{project}/gaps"),
              .summary = "Lists the project's gaps, oldest first.",
              .answers = {{.schema = gaps_schema}},
              .handle = in_project(list_gaps)});
  routes.add({.method = "POST",
              .path = path_pattern("/v1/projects/{project}/gaps/skip"),
              .summary = "Skips the undecodable change that capture stopped at; recorded as a gap.",
              .body = skip_body_schema,
              .answers = {{.schema = "#Gap"}},
              .handle = in_project(skip_change)});
  routes.add({.method = "POST",
              .path = path_pattern("/v1/projects/{project}/gaps/{id}/accept"),
              .summary = "Accepts a gap; the streams that it blocks continue after it.",
              .body = accept_body_schema,
              .answers = {{.schema = "#Gap"}},
              .handle = in_project(accept_gap)});
}

}  // namespace pulse::server
