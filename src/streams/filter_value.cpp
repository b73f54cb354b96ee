#include "streams/filter_value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "streams/array_text.hpp"
#include "streams/value_text.hpp"

namespace pulse::streams {
namespace {

namespace json = boost::json;

error no_value_of(const column_type& type, const json::value& wanted) {
  constexpr std::size_t shown_max = 80;
  auto shown = json::serialize(wanted);
  if (shown.size() > shown_max) shown = shown.substr(0, shown_max) + "…";
  return {errc::invalid_argument,
          fmt::format("{} is no value of type {}{}", shown, type.name, type.is_list ? "[]" : ""),
          "compare with a value of the field's type"};
}

// The text inside {"$type":tag,"value":text}, or the string or number itself as text.
std::optional<std::string> scalar_text(const json::value& wanted, std::string_view tag) {
  if (const auto* object = wanted.if_object()) {
    const auto* type = object->if_contains("$type");
    const auto* value = object->if_contains("value");
    if (type == nullptr || value == nullptr || !type->is_string() || !value->is_string())
      return std::nullopt;
    if (std::string_view(type->get_string()) != tag) return std::nullopt;
    return std::string(value->get_string());
  }
  if (wanted.is_string()) return std::string(wanted.get_string());
  if (wanted.is_number()) return json::serialize(wanted);
  return std::nullopt;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return HUGE_VAL;
  if (text == "-Infinity") return -HUGE_VAL;
  return parse_number<double>(text);
}

std::string lower(std::string_view text) {
  std::string folded(text);
  for (auto& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

std::string_view without_trailing_blanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

// As jsonb compares: numbers by value, however they are written.
bool json_equal(const json::value& left, const json::value& right) {
  if (left.is_number() && right.is_number()) {
    return canonical_decimal(json::serialize(left)) == canonical_decimal(json::serialize(right));
  }
  if (left.is_array() && right.is_array()) {
    return std::ranges::equal(left.get_array(), right.get_array(), json_equal);
  }
  if (left.is_object() && right.is_object()) {
    const auto& mine = left.get_object();
    const auto& others = right.get_object();
    return mine.size() == others.size() && std::ranges::all_of(mine, [&](const auto& entry) {
             const auto* other = others.if_contains(entry.key());
             return other != nullptr && json_equal(entry.value(), *other);
           });
  }
  return left == right;
}

result<equals_text> compile_json(const column_type& type, const json::value& wanted) {
  const auto text = scalar_text(wanted, "Json");
  if (!text || !wanted.is_object()) return no_value_of(type, wanted);
  json::error_code failure;
  auto value = json::parse(*text, failure);
  if (failure) return no_value_of(type, wanted);
  return equals_text([value = std::move(value)](std::string_view column) {
    json::error_code damaged;
    const auto mine = json::parse(column, damaged);
    return !damaged && json_equal(mine, value);
  });
}

result<equals_text> compile_scalar(const column_type& type, const json::value& wanted) {
  switch (type.kind) {
    case value_kind::boolean:
      if (!wanted.is_bool()) return no_value_of(type, wanted);
      return equals_text(
          [value = wanted.get_bool()](std::string_view text) { return (text == "t") == value; });
    case value_kind::int2:
    case value_kind::int4:
    case value_kind::oid:
    case value_kind::int8: {
      if (wanted.is_string()) return no_value_of(type, wanted);
      const auto text = scalar_text(wanted, "BigInt");
      const auto canonical = text ? canonical_decimal(*text) : std::nullopt;
      if (!canonical || canonical->find('.') != std::string::npos) return no_value_of(type, wanted);
      return equals_text([value = *canonical](std::string_view column) { return column == value; });
    }
    case value_kind::float4:
    case value_kind::float8: {
      const auto text = wanted.is_number() ? scalar_text(wanted, "Float") : std::nullopt;
      const auto number = text ? parse_float(*text) : std::nullopt;
      if (!number) return no_value_of(type, wanted);
      const bool narrow = type.kind == value_kind::float4;
      return equals_text([value = *number, narrow](std::string_view column) {
        const auto mine = parse_float(column);
        if (!mine) return false;
        return narrow ? static_cast<float>(*mine) == static_cast<float>(value) : *mine == value;
      });
    }
    case value_kind::numeric:
    case value_kind::money: {
      const auto text = scalar_text(wanted, "Decimal");
      const auto canonical = text ? canonical_decimal(*text) : std::nullopt;
      if (!canonical) return no_value_of(type, wanted);
      const bool money = type.kind == value_kind::money;
      return equals_text([value = *canonical, money](std::string_view column) {
        if (!money) return canonical_decimal(column) == value;
        const auto number = money_number(column);
        return number && canonical_decimal(*number) == value;
      });
    }
    case value_kind::date:
    case value_kind::time:
    case value_kind::timetz:
    case value_kind::timestamp:
    case value_kind::timestamptz: {
      const auto text = wanted.is_number() ? std::nullopt : scalar_text(wanted, "DateTime");
      const auto instant = text ? parse_instant_us(type.kind, *text) : std::nullopt;
      if (!instant) return no_value_of(type, wanted);
      return equals_text([value = *instant, kind = type.kind](std::string_view column) {
        return parse_instant_us(kind, column) == value;
      });
    }
    case value_kind::bytea: {
      const auto text = scalar_text(wanted, "Bytes");
      const auto bytes = text ? decode_base64(*text) : std::nullopt;
      if (!bytes) return no_value_of(type, wanted);
      return equals_text(
          [value = *bytes](std::string_view column) { return decode_hex_bytea(column) == value; });
    }
    case value_kind::json:
    case value_kind::jsonb:
      return compile_json(type, wanted);
    case value_kind::text:
    case value_kind::enumeration:
    case value_kind::other:
    case value_kind::plain:
    case value_kind::composite:
    case value_kind::range:
    case value_kind::multirange:
    case value_kind::hstore:
    case value_kind::list: {
      if (!wanted.is_string()) return no_value_of(type, wanted);
      std::string value(wanted.get_string());
      if (type.name == "uuid") {
        return equals_text(
            [folded = lower(value)](std::string_view column) { return column == folded; });
      }
      if (type.name == "bpchar") {
        return equals_text(
            [value = std::string(without_trailing_blanks(value))](std::string_view column) {
              return without_trailing_blanks(column) == value;
            });
      }
      return equals_text(
          [value = std::move(value)](std::string_view column) { return column == value; });
    }
  }
  return no_value_of(type, wanted);
}

// One wanted element; no predicate: NULL.
using element = std::optional<equals_text>;

bool list_equals(const std::vector<element>& wanted, char delimiter, std::string_view text) {
  array_reader reader(text, delimiter);
  std::size_t at = 0;
  int depth = 0;
  for (;;) {
    switch (reader.next()) {
      case array_reader::token::open:
        // Lists of lists equal nothing that a filter can say.
        if (++depth > 1) return false;
        break;
      case array_reader::token::close:
        break;
      case array_reader::token::end:
        return at == wanted.size();
      case array_reader::token::damaged:
        return false;
      case array_reader::token::null:
        if (at >= wanted.size() || wanted[at]) return false;
        ++at;
        break;
      case array_reader::token::element:
        if (at >= wanted.size() || !wanted[at] || !(*wanted[at])(reader.text())) return false;
        ++at;
        break;
    }
  }
}

}  // namespace

result<equals_text> compile_equals(const column_type& type, const json::value& wanted) {
  if (!type.is_list) return compile_scalar(type, wanted);
  if (!wanted.is_array()) return no_value_of(type, wanted);
  std::vector<element> elements;
  for (const auto& value : wanted.get_array()) {
    if (value.is_null()) {
      elements.emplace_back();
      continue;
    }
    auto compiled = compile_scalar(type, value);
    if (!compiled) return compiled.error();
    elements.emplace_back(std::move(compiled).value());
  }
  return equals_text([elements = std::move(elements), delimiter = type.delimiter](
                         std::string_view text) { return list_equals(elements, delimiter, text); });
}

}  // namespace pulse::streams
