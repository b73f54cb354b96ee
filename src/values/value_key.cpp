#include "values/value_key.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/base64.hpp"
#include "values/instant_key.hpp"
#include "values/json_tree.hpp"
#include "values/number_key.hpp"
#include "values/value_text.hpp"

namespace pulse::values {
namespace {

namespace json = boost::json;

using key = std::optional<std::string>;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Number>
key key_of_float(std::string_view text) {
  if (text == "NaN") return float_key(std::nan(""));
  if (text == "Infinity") return float_key(HUGE_VAL);
  if (text == "-Infinity") return float_key(-HUGE_VAL);
  const auto number = parse_number<Number>(text);
  return number && std::isfinite(*number) ? key(float_key(static_cast<double>(*number)))
                                          : std::nullopt;
}

template <class Number>
key key_of_integer(std::string_view text) {
  const auto number = parse_number<Number>(text);
  return number ? key(integer_key(static_cast<std::int64_t>(*number))) : std::nullopt;
}

// Any spelling that PostgreSQL takes: capitals, braces, hyphens after every four digits or not.
key key_of_uuid(std::string_view text) {
  if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
  std::string digits;
  for (const char c : text) {
    if (c == '-' && !digits.empty() && digits.size() % 4 == 0) continue;
    const char low = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((low < '0' || low > '9') && (low < 'a' || low > 'f')) return std::nullopt;
    digits += low;
  }
  return digits.size() == 32 ? key(digits) : std::nullopt;
}

key key_of_text(std::string_view text) {
  return std::string(text);
}

value_key text_key(const column_type& type) {
  if (type.name == "uuid") return key_of_uuid;
  if (type.name == "inet" || type.name == "cidr") return network_key;
  if (type.name == "bit" || type.name == "varbit") {
    return [](std::string_view text) -> key {
      if (text.find_first_not_of("01") != std::string_view::npos) return std::nullopt;
      return std::string(text);
    };
  }
  if (type.name == "bpchar") {
    return [](std::string_view text) -> key {
      return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
    };
  }
  return key_of_text;
}

// The text inside {"$type":tag,"value":text}.
std::optional<std::string> tagged(const json::value& wanted, std::string_view tag) {
  const auto* object = wanted.if_object();
  if (object == nullptr) return std::nullopt;
  const auto* type = object->if_contains("$type");
  const auto* value = object->if_contains("value");
  if (type == nullptr || value == nullptr || !type->is_string() || !value->is_string() ||
      std::string_view(type->get_string()) != tag) {
    return std::nullopt;
  }
  return std::string(value->get_string());
}

std::optional<std::string> integer_text(const json::value& wanted) {
  if (auto text = tagged(wanted, "BigInt")) return text;
  // JavaScript's whole numbers may be written with a point or an exponent.
  if (wanted.is_double()) {
    constexpr double whole_max = 9007199254740992.0;
    const auto number = wanted.get_double();
    if (std::abs(number) > whole_max || number != std::trunc(number)) return std::nullopt;
    return std::to_string(static_cast<std::int64_t>(number));
  }
  return wanted.is_number() ? std::optional(json::serialize(wanted)) : std::nullopt;
}

std::optional<std::string> number_or_text(const json::value& wanted, std::string_view tag) {
  if (auto text = tagged(wanted, tag)) return text;
  if (wanted.is_string()) return std::string(wanted.get_string());
  return wanted.is_number() ? std::optional(json::serialize(wanted)) : std::nullopt;
}

std::optional<std::string> date_time_text(const json::value& wanted) {
  if (auto text = tagged(wanted, "DateTime")) return text;
  return wanted.is_string() ? std::optional(std::string(wanted.get_string())) : std::nullopt;
}

std::optional<std::string> bytes_text(const json::value& wanted) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto base64 = number_or_text(wanted, "Bytes");
  const auto bytes = base64 && !wanted.is_number() ? decode_base64(*base64) : std::nullopt;
  if (!bytes) return std::nullopt;
  std::string text = "\\x";
  for (const char c : *bytes) {
    text += hex[static_cast<unsigned char>(c) >> 4U];
    text += hex[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

// As PostgreSQL reads money: the first digit that it has no place for rounds, away from zero.
std::optional<std::string> as_amount(std::string_view amount, std::size_t decimals) {
  auto exact = canonical_decimal(amount);
  if (!exact) return std::nullopt;
  const auto point = exact->find('.');
  const auto last = point + 1 + decimals;
  if (point == std::string::npos || exact->size() <= last) return exact;
  const bool up = (*exact)[last] >= '5';
  exact->resize(decimals == 0 ? point : last);
  if (!up) return exact;
  for (auto at = exact->size(); at-- > 0;) {
    auto& digit = (*exact)[at];
    if (digit == '.') continue;
    if (digit == '-') {
      exact->insert(1, "1");
      return exact;
    }
    if (digit != '9') {
      ++digit;
      return exact;
    }
    digit = '0';
  }
  return "1" + *exact;
}

std::optional<std::string> text_of(const column_type& type, const json::value& wanted) {
  switch (type.kind) {
    case value_kind::boolean:
      return wanted.is_bool() ? std::optional<std::string>(wanted.get_bool() ? "t" : "f")
                              : std::nullopt;
    case value_kind::int2:
    case value_kind::int4:
    case value_kind::int8:
    case value_kind::oid:
      return integer_text(wanted);
    case value_kind::float4:
    case value_kind::float8:
      return wanted.is_number() ? std::optional(json::serialize(wanted)) : std::nullopt;
    case value_kind::numeric:
      return number_or_text(wanted, "Decimal");
    case value_kind::money: {
      const auto amount = number_or_text(wanted, "Decimal");
      return amount ? as_amount(*amount, money_decimals(type)) : std::nullopt;
    }
    case value_kind::date:
    case value_kind::time:
    case value_kind::timetz:
    case value_kind::timestamp:
    case value_kind::timestamptz:
      return date_time_text(wanted);
    case value_kind::bytea:
      return bytes_text(wanted);
    case value_kind::json:
    case value_kind::jsonb:
      return tagged(wanted, "Json");
    case value_kind::text:
    case value_kind::enumeration:
    case value_kind::other:
    case value_kind::plain:
    case value_kind::composite:
    case value_kind::range:
    case value_kind::multirange:
    case value_kind::hstore:
    case value_kind::list:
      return wanted.is_string() ? std::optional(std::string(wanted.get_string())) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

bool has_plain_key(const column_type& type) {
  return type.kind != value_kind::text || (type.name != "xml" && type.name != "citext");
}

std::string_view tag_of(value_kind kind) {
  switch (kind) {
    case value_kind::int8:
      return "BigInt";
    case value_kind::numeric:
    case value_kind::money:
      return "Decimal";
    case value_kind::bytea:
      return "Bytes";
    case value_kind::json:
    case value_kind::jsonb:
      return "Json";
    case value_kind::date:
    case value_kind::time:
    case value_kind::timetz:
    case value_kind::timestamp:
    case value_kind::timestamptz:
      return "DateTime";
    case value_kind::boolean:
    case value_kind::int2:
    case value_kind::int4:
    case value_kind::oid:
    case value_kind::float4:
    case value_kind::float8:
    case value_kind::text:
    case value_kind::enumeration:
    case value_kind::other:
    case value_kind::plain:
    case value_kind::composite:
    case value_kind::range:
    case value_kind::multirange:
    case value_kind::hstore:
    case value_kind::list:
      return {};
  }
  return {};
}

bool has_order(value_kind kind) {
  switch (kind) {
    case value_kind::int2:
    case value_kind::int4:
    case value_kind::int8:
    case value_kind::oid:
    case value_kind::float4:
    case value_kind::float8:
    case value_kind::numeric:
    case value_kind::money:
    case value_kind::date:
    case value_kind::time:
    case value_kind::timetz:
    case value_kind::timestamp:
    case value_kind::timestamptz:
    case value_kind::text:
      return true;
    case value_kind::boolean:
    case value_kind::bytea:
    case value_kind::json:
    case value_kind::jsonb:
    case value_kind::enumeration:
    case value_kind::other:
    case value_kind::plain:
    case value_kind::composite:
    case value_kind::range:
    case value_kind::multirange:
    case value_kind::hstore:
    case value_kind::list:
      return false;
  }
  return false;
}

value_key plain_key(const column_type& type) {
  switch (type.kind) {
    case value_kind::int2:
      return key_of_integer<std::int16_t>;
    case value_kind::int4:
      return key_of_integer<std::int32_t>;
    case value_kind::int8:
      return key_of_integer<std::int64_t>;
    case value_kind::oid:
      return key_of_integer<std::uint32_t>;
    case value_kind::float4:
      return key_of_float<float>;
    case value_kind::float8:
      return key_of_float<double>;
    case value_kind::numeric:
      return decimal_key;
    case value_kind::money:
      // A filter brings a bare number; the column a currency and grouping beside it.
      return [type](std::string_view text) -> key {
        if (auto plain = decimal_key(text)) return plain;
        const auto number = money_number(type, text);
        return number ? decimal_key(*number) : std::nullopt;
      };
    case value_kind::date:
    case value_kind::time:
    case value_kind::timetz:
    case value_kind::timestamp:
    case value_kind::timestamptz:
      return [kind = type.kind](std::string_view text) { return instant_key(kind, text); };
    case value_kind::json:
    case value_kind::jsonb:
      return [](std::string_view text) -> key {
        const auto tree = json_tree::parse(text);
        return tree ? key(equality_key(*tree)) : std::nullopt;
      };
    case value_kind::text:
      return text_key(type);
    case value_kind::boolean:
    case value_kind::bytea:
    case value_kind::enumeration:
    case value_kind::other:
    case value_kind::plain:
    case value_kind::composite:
    case value_kind::range:
    case value_kind::multirange:
    case value_kind::hstore:
    case value_kind::list:
      return key_of_text;
  }
  return key_of_text;
}

text_form plain_form(const column_type& type) {
  const bool is_json = type.kind == value_kind::json || type.kind == value_kind::jsonb;
  text_form form;
  form.name = fmt::format("plain {} {}", static_cast<int>(type.kind), type.name);
  form.key = plain_key(type);
  if (is_json) {
    form.per_byte = parsing_per_byte;
    form.bytes_max = parsed_bytes_max;
  }
  return form;
}

error no_value_of(const column_type& type, const json::value& wanted) {
  constexpr std::size_t shown_max = 80;
  auto shown = json::serialize(wanted);
  if (shown.size() > shown_max) {
    // Not in the middle of a character.
    auto end = shown_max;
    while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xC0U) == 0x80U) --end;
    shown = shown.substr(0, end) + "…";
  }
  return {errc::invalid_argument,
          fmt::format("{} is no value of type {}{}", shown, type.name, type.is_list ? "[]" : ""),
          "compare with a value of the field's type"};
}

result<std::string> wanted_text(const column_type& type, const json::value& wanted) {
  auto text = text_of(type, wanted);
  if (!text || !plain_key(type)(*text)) return no_value_of(type, wanted);
  return std::move(*text);
}

}  // namespace pulse::values
