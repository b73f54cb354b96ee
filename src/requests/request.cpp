#include "requests/request.hpp"

#include <fmt/format.h>

#include "base/shown_text.hpp"
#include "requests/header_json.hpp"
#include "requests/json_members.hpp"
#include "requests/native_request.hpp"

namespace pulse::requests {
namespace {

namespace json = boost::json;

result<void> read_field(const json::value& value, const request_place& place, model& to) {
  const auto read = object_at(value, place);
  if (!read) return read.error();
  const auto& object = **read;
  const auto kind = text_member(object, "kind", place);
  if (!kind) return kind.error();
  auto name = text_member(object, "name", place);
  if (!name) return name.error();
  if (name->empty()) return place.member("name").wrong("is missing");
  // Relations hold no column, and Unsupported columns are never named.
  if (*kind == "object" || *kind == "unsupported") return {};
  auto column = text_member(object, "dbName", place);
  if (!column) return column.error();
  auto type = text_member(object, "type", place);
  if (!type) return type.error();
  model_field field;
  field.column = column->empty() ? *name : std::move(*column);
  field.name = std::move(*name);
  field.type = std::move(*type);
  if (const auto* list = object.if_contains("isList"); list != nullptr && list->is_bool()) {
    field.is_list = list->get_bool();
  }
  to.fields.push_back(std::move(field));
  return {};
}

result<model> read_model(const json::object& header, const request_place& place) {
  model wanted;
  auto name = text_member(header, "modelName", place);
  if (!name) return name.error();
  if (name->empty())
    return place.member("modelName").wrong("is missing (or table, for native events)");
  wanted.name = std::move(*name);
  const auto model_place = place.member("model");
  const auto* described = find_member(header, "model");
  if (described == nullptr || !described->is_object())
    return model_place.wrong("is missing or not an object");
  const auto& object = described->get_object();
  auto table = text_member(object, "dbName", model_place);
  if (!table) return table.error();
  wanted.table = table->empty() ? wanted.name : std::move(*table);
  auto schema = text_member(object, "schema", model_place);
  if (!schema) return schema.error();
  wanted.schema = std::move(*schema);
  const auto fields_place = model_place.member("fields");
  const auto* fields = find_member(object, "fields");
  if (fields == nullptr || !fields->is_array())
    return fields_place.wrong("is missing or not an array");
  const auto& list = fields->get_array();
  if (list.size() > model_fields_max) {
    return fields_place.wrong(
        fmt::format("has {} entries, more than {}", list.size(), model_fields_max));
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (auto read = read_field(list[i], fields_place.element(i), wanted); !read)
      return read.error();
  }
  return wanted;
}

// "table", "schema.table", or a table and its schema apart, where names with dots are meant.
result<model> read_table(const json::object& header, const request_place& place) {
  if (header.contains("model") || header.contains("modelName"))
    return place.wrong("has a table and a model: send one of them");
  const auto table = text_member(header, "table", place);
  if (!table) return table.error();
  const auto schema = text_member(header, "schema", place);
  if (!schema) return schema.error();
  const auto table_place = place.member("table");
  return schema->empty() ? table_of(*table, table_place) : table_of(*schema, *table, table_place);
}

// The official client sends a stream's name twice; whoever writes a request by hand may say it in
// either place.
result<std::string> read_name(const json::object& subscription, const request_place& header,
                              std::string_view stream_header) {
  const auto* where = find_member(subscription, "where");
  const json::object nothing;
  auto place = header.member("where");
  auto beside = text_member(where == nullptr ? nothing : where->get_object(), "name", place);
  if (!beside) return beside;
  place = place.member("name");
  std::string name = std::move(*beside);
  if (!stream_header.empty()) {
    const auto stream_place = request_place::of_header("stream");
    const auto stream = parse_header_object(stream_header, stream_place);
    if (!stream) return stream.error();
    auto said = text_member(*stream, "name", stream_place);
    if (!said) return said;
    if (!said->empty()) {
      place = stream_place.member("name");
      name = std::move(*said);
    }
  }
  if (const auto problem = problem_of_name(name); !problem.empty()) return place.wrong(problem);
  return name;
}

}  // namespace

std::string problem_of_name(std::string_view name) {
  if (name.size() > stream_name_bytes_max)
    return fmt::format("has {} bytes, more than {}", name.size(), stream_name_bytes_max);
  if (has_hidden(name)) return "has control characters, or marks of direction: " + shown(name);
  return {};
}

result<stream_request> parse_request(stream_mode mode, std::string_view subscription_header,
                                     std::string_view stream_header) {
  stream_request request;
  request.mode = mode;
  const auto place = request_place::of_header("subscription");
  if (subscription_header.empty()) return place.wrong("is missing");
  const auto subscription = parse_header_object(subscription_header, place);
  if (!subscription) return subscription.error();
  const bool native = find_member(*subscription, "table") != nullptr;
  request.form = native ? event_form::native : event_form::prisma;
  auto wanted_model = native ? read_table(*subscription, place) : read_model(*subscription, place);
  if (!wanted_model) return wanted_model.error();
  request.model = std::move(*wanted_model);
  auto wanted = where_with_name_at(find_member(*subscription, "where"), place.member("where"));
  if (!wanted) return wanted.error();
  request.wanted = std::move(*wanted);
  auto name = read_name(*subscription, place, stream_header);
  if (!name) return name.error();
  if (mode == stream_mode::stream) request.name = std::move(*name);
  return request;
}

}  // namespace pulse::requests
