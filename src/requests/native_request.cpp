#include "requests/native_request.hpp"

#include <array>
#include <span>
#include <string>
#include <utility>

namespace pulse::requests {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 2> table_members{"schema", "table"};
constexpr std::array<std::string_view, 3> where_members{"create", "update", "delete"};
constexpr std::array<std::string_view, 4> where_members_with_name{"name", "create", "update",
                                                                  "delete"};
constexpr std::array<std::string_view, 2> update_members{"after", "before"};

result<std::optional<json::object>> filter_member(const json::object& where, std::string_view name,
                                                  const request_place& place) {
  const auto* found = find_member(where, name);
  if (found == nullptr) return std::optional<json::object>();
  const auto filter = object_at(*found, place.member(name));
  if (!filter) return filter.error();
  return std::optional<json::object>(**filter);
}

result<wanted_events> read_where(const json::value* found, std::span<const std::string_view> known,
                                 const request_place& place) {
  static const json::value nothing(json::object_kind);
  const auto where = object_at(found == nullptr ? nothing : *found, place);
  if (!where) return where.error();
  if (auto all = check_members(**where, known, place); !all) return all.error();
  auto create = filter_member(**where, "create", place);
  if (!create) return create.error();
  auto update = filter_member(**where, "update", place);
  if (!update) return update.error();
  auto remove = filter_member(**where, "delete", place);
  if (!remove) return remove.error();
  wanted_events wanted;
  if (!*create && !*update && !*remove) {
    wanted.create.emplace();
    wanted.update_after.emplace();
    wanted.remove.emplace();
    return wanted;
  }
  wanted.create = std::move(*create);
  wanted.remove = std::move(*remove);
  if (!*update) return wanted;
  const auto update_place = place.member("update");
  if (auto all = check_members(**update, update_members, update_place); !all) return all.error();
  auto after = filter_member(**update, "after", update_place);
  if (!after) return after.error();
  wanted.update_after = *after ? std::move(**after) : json::object();
  auto before = filter_member(**update, "before", update_place);
  if (!before) return before.error();
  wanted.update_before = std::move(*before);
  return wanted;
}

}  // namespace

result<model> table_of(std::string_view schema, std::string_view table,
                       const request_place& place) {
  if (table.empty()) return place.wrong("names no table");
  model wanted;
  wanted.schema = schema;
  wanted.table = table;
  wanted.name = table;
  return wanted;
}

result<model> table_of(std::string_view text, const request_place& place) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return table_of({}, text, place);
  return table_of(text.substr(0, dot), text.substr(dot + 1), place);
}

result<model> table_at(const json::value& value, const request_place& place) {
  if (value.is_string()) return table_of(value.get_string(), place);
  if (!value.is_object())
    return place.wrong(R"(is neither a table's name nor {"schema":…,"table":…})");
  const auto& object = value.get_object();
  if (auto all = check_members(object, table_members, place); !all) return all.error();
  const auto schema = text_member(object, "schema", place);
  if (!schema) return schema.error();
  const auto table = text_member(object, "table", place);
  if (!table) return table.error();
  return table_of(*schema, *table, place);
}

result<wanted_events> where_at(const json::value* where, const request_place& place) {
  return read_where(where, where_members, place);
}

result<wanted_events> where_with_name_at(const json::value* where, const request_place& place) {
  return read_where(where, where_members_with_name, place);
}

result<stream_request> native_request(model table, const json::value* where,
                                      const request_place& where_place) {
  auto wanted = where_at(where, where_place);
  if (!wanted) return wanted.error();
  stream_request request;
  request.form = event_form::native;
  request.model = std::move(table);
  request.wanted = std::move(*wanted);
  return request;
}

}  // namespace pulse::requests
