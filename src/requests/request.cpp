#include "requests/request.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/shown_text.hpp"

namespace pulse::requests {
namespace {

namespace json = boost::json;

error bad(std::string what) {
  return {errc::invalid_argument, std::move(what),
          "send the header as the Pulse client extension does"};
}

// HTTP header bytes are Latin-1; JSON is UTF-8.
std::string to_utf8(std::string_view latin1) {
  std::string utf8;
  utf8.reserve(latin1.size());
  for (const char c : latin1) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xC0U | (byte >> 6U));
      utf8 += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
  return utf8;
}

result<json::object> parse_object(std::string_view header, std::string_view text) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  json::error_code failure;
  auto parsed = json::parse(to_utf8(text), failure, {}, options);
  if (failure)
    return bad(fmt::format("the '{}' header is not JSON: {}", header, failure.message()));
  if (!parsed.is_object()) return bad(fmt::format("the '{}' header is not a JSON object", header));
  return std::move(parsed.get_object());
}

// A member that may be absent or null.
const json::value* member(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

result<std::string> text_member(const json::object& object, std::string_view name,
                                std::string_view where) {
  const auto* found = member(object, name);
  if (found == nullptr) return std::string();
  if (!found->is_string()) return bad(fmt::format("{}.{} is not a string", where, name));
  return std::string(found->get_string());
}

result<void> read_field(const json::value& value, std::size_t number, model& to) {
  const auto where = fmt::format("the 'subscription' header: model.fields[{}]", number);
  if (!value.is_object()) return bad(where + " is not an object");
  const auto& object = value.get_object();
  const auto kind = text_member(object, "kind", where);
  if (!kind) return kind.error();
  auto name = text_member(object, "name", where);
  if (!name) return name.error();
  if (name->empty()) return bad(where + ".name is missing");
  // Relations hold no column, and Unsupported columns are never named.
  if (*kind == "object" || *kind == "unsupported") return {};
  auto column = text_member(object, "dbName", where);
  if (!column) return column.error();
  auto type = text_member(object, "type", where);
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

result<model> read_model(const json::object& header) {
  constexpr std::string_view where = "the 'subscription' header";
  model wanted;
  auto name = text_member(header, "modelName", where);
  if (!name) return name.error();
  if (name->empty()) {
    return bad("the 'subscription' header: modelName is missing (or table, for native events)");
  }
  wanted.name = std::move(*name);
  const auto* described = member(header, "model");
  if (described == nullptr || !described->is_object()) {
    return bad("the 'subscription' header: model is missing or not an object");
  }
  const auto& object = described->get_object();
  auto table = text_member(object, "dbName", "the 'subscription' header: model");
  if (!table) return table.error();
  wanted.table = table->empty() ? wanted.name : std::move(*table);
  auto schema = text_member(object, "schema", "the 'subscription' header: model");
  if (!schema) return schema.error();
  wanted.schema = std::move(*schema);
  const auto* fields = member(object, "fields");
  if (fields == nullptr || !fields->is_array()) {
    return bad("the 'subscription' header: model.fields is missing or not an array");
  }
  const auto& list = fields->get_array();
  if (list.size() > model_fields_max) {
    return bad(fmt::format("the 'subscription' header: model.fields has {} entries, more than {}",
                           list.size(), model_fields_max));
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (auto read = read_field(list[i], i, wanted); !read) return read.error();
  }
  return wanted;
}

// "table", "schema.table", or a table and its schema apart, where names with dots are meant.
result<model> read_table(const json::object& header) {
  constexpr std::string_view where = "the 'subscription' header";
  if (header.contains("model") || header.contains("modelName")) {
    return bad("the 'subscription' header has a table and a model: send one of them");
  }
  auto table = text_member(header, "table", where);
  if (!table) return table.error();
  auto schema = text_member(header, "schema", where);
  if (!schema) return schema.error();
  model wanted;
  wanted.schema = std::move(*schema);
  wanted.table = std::move(*table);
  const auto dot = wanted.table.find('.');
  if (dot != std::string::npos && wanted.schema.empty()) {
    wanted.schema = wanted.table.substr(0, dot);
    wanted.table.erase(0, dot + 1);
  }
  if (wanted.table.empty()) return bad("the 'subscription' header: table is empty");
  wanted.name = wanted.table;
  return wanted;
}

result<std::optional<json::object>> read_filter(const json::object& where, std::string_view name) {
  const auto* found = member(where, name);
  if (found == nullptr) return std::optional<json::object>();
  if (!found->is_object())
    return bad(fmt::format("the 'subscription' header: where.{} is not an object", name));
  return std::optional<json::object>(found->get_object());
}

result<wanted_events> read_where(const json::object& header) {
  wanted_events wanted;
  const auto* found = member(header, "where");
  if (found != nullptr && !found->is_object())
    return bad("the 'subscription' header: where is not an object");
  const json::object nothing;
  const auto& where = found == nullptr ? nothing : found->get_object();
  auto create = read_filter(where, "create");
  if (!create) return create.error();
  auto update = read_filter(where, "update");
  if (!update) return update.error();
  auto remove = read_filter(where, "delete");
  if (!remove) return remove.error();
  for (const auto& entry : where) {
    if (entry.key() != "name" && entry.key() != "create" && entry.key() != "update" &&
        entry.key() != "delete") {
      return bad(fmt::format(
          "the 'subscription' header: unknown where.{}; known are name, create, update and delete",
          std::string_view(entry.key())));
    }
  }
  if (!*create && !*update && !*remove) {
    wanted.create.emplace();
    wanted.update_after.emplace();
    wanted.remove.emplace();
    return wanted;
  }
  wanted.create = std::move(*create);
  wanted.remove = std::move(*remove);
  if (*update) {
    for (const auto& entry : **update) {
      if (entry.key() == "after" || entry.key() == "before") continue;
      return bad(fmt::format(
          "the 'subscription' header: unknown where.update.{}; known are after and before",
          std::string_view(entry.key())));
    }
    auto after = read_filter(**update, "after");
    if (!after) return after.error();
    wanted.update_after = *after ? std::move(**after) : json::object();
    auto before = read_filter(**update, "before");
    if (!before) return before.error();
    wanted.update_before = std::move(*before);
  }
  return wanted;
}

// The official client sends a stream's name twice; whoever writes a request by hand may say it in
// either place.
result<std::string> read_name(const json::object& subscription, std::string_view stream_header) {
  const auto* where = member(subscription, "where");
  const json::object nothing;
  auto beside = text_member(where == nullptr ? nothing : where->get_object(), "name",
                            "the 'subscription' header: where");
  if (!beside) return beside;
  std::string_view place = "the 'subscription' header: where.name";
  std::string name = std::move(*beside);
  if (!stream_header.empty()) {
    const auto stream = parse_object("stream", stream_header);
    if (!stream) return stream.error();
    auto said = text_member(*stream, "name", "the 'stream' header");
    if (!said) return said;
    if (!said->empty()) {
      place = "the 'stream' header: name";
      name = std::move(*said);
    }
  }
  if (name.size() > stream_name_bytes_max) {
    return bad(
        fmt::format("{} has {} bytes, more than {}", place, name.size(), stream_name_bytes_max));
  }
  if (has_hidden(name)) {
    return bad(
        fmt::format("{} has control characters, or marks of direction: {}", place, shown(name)));
  }
  return name;
}

}  // namespace

result<stream_request> parse_request(stream_mode mode, std::string_view subscription_header,
                                     std::string_view stream_header) {
  stream_request request;
  request.mode = mode;
  if (subscription_header.empty()) return bad("the 'subscription' header is missing");
  const auto subscription = parse_object("subscription", subscription_header);
  if (!subscription) return subscription.error();
  const bool native = member(*subscription, "table") != nullptr;
  request.form = native ? event_form::native : event_form::prisma;
  auto wanted_model = native ? read_table(*subscription) : read_model(*subscription);
  if (!wanted_model) return wanted_model.error();
  request.model = std::move(*wanted_model);
  auto wanted = read_where(*subscription);
  if (!wanted) return wanted.error();
  request.wanted = std::move(*wanted);
  auto name = read_name(*subscription, stream_header);
  if (!name) return name.error();
  if (mode == stream_mode::stream) request.name = std::move(*name);
  return request;
}

}  // namespace pulse::requests
