#include "server/http/openapi.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace pulse::server {
namespace {

namespace json = boost::json;

constexpr std::string_view problem_schema = R"({
  "type": "object",
  "description": "Every error (RFC 9457), with Pulse's own members code, message, requestId and details",
  "required": ["type", "title", "status", "detail", "code", "message", "requestId", "details"],
  "properties": {
    "type": {"type": "string"},
    "title": {"type": "string"},
    "status": {"type": "integer"},
    "detail": {"type": "string"},
    "code": {"enum": ["P6100", "P6101", "P6102", "P6106"]},
    "message": {"type": "string"},
    "requestId": {"type": "string"},
    "details": {
      "type": "object",
      "properties": {
        "next": {"type": "string", "description": "What to do about it"},
        "gap": {"type": "object", "description": "The gap that blocks the stream"},
        "oldest": {"type": ["string", "null"],
                   "description": "Of a 410: the id of the oldest event that is kept"},
        "captured": {"type": "string", "description": "504: everything before this LSN can be read"},
        "acknowledged": {"type": "string", "description": "504: the stream's cursor, an LSN"}
      }
    }
  }
})";

// Puts "#/components/schemas/Gap" in the place of "#Gap", wherever it is referred to, and notes it.
void complete_references(json::value& schema, std::set<std::string>& used) {
  if (auto* array = schema.if_array()) {
    for (auto& one : *array) complete_references(one, used);
  }
  auto* object = schema.if_object();
  if (object == nullptr) return;
  for (auto& [name, value] : *object) {
    const auto* target = name == "$ref" ? value.if_string() : nullptr;
    if (target != nullptr && target->starts_with("#") && !target->starts_with("#/")) {
      const std::string named(target->subview(1));
      used.insert(named);
      value.emplace_string() = "#/components/schemas/" + named;
    } else {
      complete_references(value, used);
    }
  }
}

json::value schema_of(std::string_view text, std::set<std::string>& used) {
  json::value schema =
      text.starts_with('#') ? json::value(json::object{{"$ref", text}}) : json::parse(text);
  complete_references(schema, used);
  return schema;
}

json::object content_of(std::string_view type, json::value schema) {
  return {{type, json::object{{"schema", std::move(schema)}}}};
}

json::array parameters_of(const route& row) {
  json::array all;
  const json::object text{{"type", "string"}};
  for (const auto& name : row.path.parameters()) {
    all.push_back(
        json::object{{"name", name}, {"in", "path"}, {"required", true}, {"schema", text}});
  }
  for (const auto& one : row.query) {
    all.push_back(json::object{{"name", one.name},
                               {"in", "query"},
                               {"required", one.required},
                               {"description", one.meaning},
                               {"schema", text}});
  }
  return all;
}

json::array security_of(credential wanted) {
  switch (wanted) {
    case credential::none:
      return {};
    case credential::admin_token:
      return {json::object{{"adminToken", json::array()}}};
    case credential::api_key:
      return {json::object{{"apiKey", json::array()}}};
  }
  return {};
}

json::object operation_of(const route& row, std::set<std::string>& used) {
  json::object responses;
  for (const auto& one : row.answers) {
    json::object answer{{"description", one.meaning.empty() ? row.summary : one.meaning}};
    if (!one.schema.empty())
      answer["content"] = content_of(one.content_type, schema_of(one.schema, used));
    else if (!one.content_type.empty() && !row.open)
      answer["content"] = content_of(one.content_type, json::object{{"type", "string"}});
    responses[std::to_string(one.status)] = std::move(answer);
  }
  responses["default"] = json::object{
      {"description", "An error"},
      {"content", content_of("application/problem+json", schema_of("#Problem", used))}};
  json::object operation{{"summary", row.summary},
                         {"parameters", parameters_of(row)},
                         {"security", security_of(row.wants)},
                         {"responses", std::move(responses)}};
  if (!row.body.empty()) {
    operation["requestBody"] =
        json::object{{"content", content_of("application/json", schema_of(row.body, used))}};
  }
  return operation;
}

// Those that are used, and those that these use.
json::object components_of(const route_table& routes, std::set<std::string> used) {
  json::object schemas;
  while (!used.empty()) {
    const auto name = *used.begin();
    used.erase(used.begin());
    if (schemas.contains(name)) continue;
    auto schema = name == "Problem" ? json::parse(problem_schema) : routes.schemas().at(name);
    complete_references(schema, used);
    schemas[name] = std::move(schema);
  }
  const json::object bearer{{"type", "http"}, {"scheme", "bearer"}};
  return {{"schemas", std::move(schemas)},
          {"securitySchemes", json::object{{"adminToken", bearer}, {"apiKey", bearer}}}};
}

}  // namespace

json::object openapi_of(const route_table& routes, surface where) {
  json::object paths;
  std::set<std::string> used;
  for (const auto& row : routes.rows()) {
    if (!row.is_on(where)) continue;
    auto& methods = paths[row.path.text()];
    if (!methods.is_object()) methods.emplace_object();
    methods.as_object()[boost::algorithm::to_lower_copy(std::string(row.method))] =
        operation_of(row, used);
  }
  const auto* const title = where == surface::admin ? "Pulse, for operators" : "Pulse";
  return {{"openapi", "3.1.0"},
          {"info", json::object{{"title", title}, {"version", PULSE_VERSION}}},
          {"paths", std::move(paths)},
          {"components", components_of(routes, std::move(used))}};
}

void add_openapi_route(route_table& routes) {
  routes.add(
      {.method = "GET",
       .path = path_pattern("/openapi.json"),
       .where = served_on::both,
       .wants = credential::none,
       .summary = "Describes every route of this address, in OpenAPI 3.1.",
       .answers = {{.schema = R"({"type":"object"})"}},
       // Anybody may ask: described once.
       .handle = [texts = std::map<surface, std::string>()](const exchange_pointer& asked) mutable {
         auto& text = texts[asked->where()];
         if (text.empty())
           text = json::serialize(openapi_of(*asked->context().routes, asked->where()));
         http_response response;
         response.body = text;
         asked->answer(response);
       }});
}

}  // namespace pulse::server
