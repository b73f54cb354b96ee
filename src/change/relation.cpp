#include "change/relation.hpp"

namespace pulse {

std::string_view to_string(value_kind kind) noexcept {
  switch (kind) {
    case value_kind::boolean:
      return "boolean";
    case value_kind::int2:
      return "int2";
    case value_kind::int4:
      return "int4";
    case value_kind::int8:
      return "int8";
    case value_kind::oid:
      return "oid";
    case value_kind::float4:
      return "float4";
    case value_kind::float8:
      return "float8";
    case value_kind::numeric:
      return "numeric";
    case value_kind::money:
      return "money";
    case value_kind::text:
      return "text";
    case value_kind::bytea:
      return "bytea";
    case value_kind::json:
      return "json";
    case value_kind::jsonb:
      return "jsonb";
    case value_kind::date:
      return "date";
    case value_kind::time:
      return "time";
    case value_kind::timetz:
      return "timetz";
    case value_kind::timestamp:
      return "timestamp";
    case value_kind::timestamptz:
      return "timestamptz";
    case value_kind::enumeration:
      return "enumeration";
    case value_kind::other:
      return "other";
    case value_kind::plain:
      return "plain";
    case value_kind::composite:
      return "composite";
    case value_kind::range:
      return "range";
    case value_kind::multirange:
      return "multirange";
    case value_kind::hstore:
      return "hstore";
    case value_kind::list:
      return "list";
  }
  return "other";
}

bool column_type::operator==(const column_type& other) const = default;

std::string to_string(const table_name& table) {
  return table.schema + "." + table.name;
}

std::string quoted(const table_name& table) {
  const auto quote = [](std::string_view name) {
    std::string text = "\"";
    for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + '"';
  };
  return quote(table.schema) + "." + quote(table.name);
}

}  // namespace pulse
