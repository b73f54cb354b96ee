#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "server/admin/admin_handlers.hpp"
#include "server/admin/admin_json.hpp"
#include "server/admin/admin_routes.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;

constexpr std::string_view key_schema = R"({
  "type": "object", "required": ["id", "label", "createdAt", "revokedAt"],
  "properties": {
    "id": {"type": "string"},
    "label": {"type": "string"},
    "createdAt": {"type": "string", "format": "date-time"},
    "revokedAt": {"type": ["string", "null"], "format": "date-time"}
  }
})";
constexpr std::string_view new_key_schema = R"({
  "type": "object", "required": ["id", "label", "createdAt", "revokedAt", "key"],
  "properties": {
    "id": {"type": "string"},
    "label": {"type": "string"},
    "createdAt": {"type": "string", "format": "date-time"},
    "revokedAt": {"type": "null"},
    "key": {"type": "string", "description": "Shown this once"}
  }
})";
constexpr std::string_view keys_schema = R"({
  "type": "object", "required": ["keys"],
  "properties": {"keys": {"type": "array", "items": {"$ref": "#Key"}}}
})";
constexpr std::string_view new_key_body_schema = R"({
  "type": "object", "properties": {"label": {"type": "string"}}
})";

void list_keys(const exchange_pointer& asked) {
  asked->context().backend->list_keys(asked->parameter("project"),
                                      [asked](const result<std::vector<key_description>>& keys) {
                                        if (asked->failed(keys)) return;
                                        json::array list;
                                        for (const auto& key : *keys) list.push_back(describe(key));
                                        asked->answer(json_answer({{"keys", std::move(list)}}));
                                      });
}

void create_key(const exchange_pointer& asked) {
  const auto given = text_member(asked->request(), "label");
  if (asked->failed(given)) return;
  const auto label = given->value_or("");
  if (label.size() > label_bytes_max) {
    return asked->refuse(400, fmt::format("the label is longer than {} bytes", label_bytes_max));
  }
  asked->context().backend->create_key(asked->parameter("project"), label,
                                       [asked](const result<created_key>& made) {
                                         if (asked->failed(made)) return;
                                         auto described = describe(made->description);
                                         described["key"] = made->key;
                                         asked->answer(json_answer(described, 201));
                                       });
}

void revoke_key(const exchange_pointer& asked) {
  asked->context().backend->revoke_key(
      asked->parameter("project"), asked->parameter("id"), [asked](const result<void>& revoked) {
        if (asked->failed(revoked)) return;
        end_sessions_of_key(asked->context(), asked->parameter("id"));
        asked->answer(json_answer({}));
      });
}

}  // namespace

void add_key_routes(route_table& routes) {
  routes.add_schema("Key", key_schema);
  routes.add({.method = "GET",
              .path = path_pattern("/v1/projects/{project}/keys"),
              .summary = "Lists the project's API keys, revoked ones too.",
              .answers = {{.schema = keys_schema}},
              .handle = in_project(list_keys)});
  routes.add({.method = "POST",
              .path = path_pattern("/v1/projects/{project}/keys"),
              .summary = "Makes an API key; the answer is the only one that shows it.",
              .body = new_key_body_schema,
              .answers = {{.status = 201, .schema = new_key_schema}},
              .handle = in_project(create_key)});
  routes.add({.method = "DELETE",
              .path = path_pattern("/v1/projects/{project}/keys/{id}"),
              .summary = "Revokes an API key; its open streams end.",
              .answers = {{.schema = R"({"type":"object"})"}},
              .handle = in_project(revoke_key)});
}

}  // namespace pulse::server
