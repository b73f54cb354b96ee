#include "rendering/native_value.hpp"

#include <algorithm>

#include <boost/json/basic_parser_impl.hpp>

#include "base/base64.hpp"
#include "values/array_text.hpp"
#include "values/composite_text.hpp"
#include "values/json_text.hpp"
#include "values/value_text.hpp"

namespace pulse::rendering {
namespace {

namespace json = boost::json;

bool append_element(std::string& to, const column_type& type, std::string_view text);

// Takes part in a parse of which only the outcome is wanted.
struct ignore_json {
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

  // NOLINTBEGIN(readability-convert-member-functions-to-static): called on the handler
  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t, json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_key(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
  // NOLINTEND(readability-convert-member-functions-to-static)
};

// As it stands in the database, digit by digit.
bool append_json(std::string& to, std::string_view text) {
  json::parse_options options;
  options.max_depth = native_json_depth_max;
  options.allow_invalid_utf8 = true;  // bytes of the database pass through as they are
  json::basic_parser<ignore_json> parser(options);
  json::error_code failure;
  const auto read = parser.write_some(false, text.data(), text.size(), failure);
  if (failure || read != text.size()) return false;
  to += text;
  return true;
}

// "2024-05-28 12:34:56.789+00" to "2024-05-28T12:34:56.789Z"; "infinity" stays; what follows the
// time ("BC") stays too.
bool append_timestamp(std::string& to, std::string_view text, bool with_zone) {
  std::string iso(text);
  if (const auto space = iso.find(' '); space != std::string::npos) iso[space] = 'T';
  if (with_zone) {
    const auto time = iso.find('T');
    const auto zone = time == std::string::npos ? time : iso.find("+00", time);
    if (zone != std::string::npos) iso.replace(zone, 3, "Z");
  }
  values::append_json_string(to, iso);
  return true;
}

bool append_bytes(std::string& to, std::string_view text) {
  const auto bytes = values::decode_hex_bytea(text);
  if (!bytes) return false;
  to += '"';
  append_base64(to, *bytes);
  to += '"';
  return true;
}

bool append_part(std::string& to, const column_type& type, const values::part_text& part) {
  if (part) return append_native(to, type, *part);
  to += "null";
  return true;
}

bool append_composite(std::string& to, const column_type& type, std::string_view text) {
  const auto values = values::split_composite(text, type.parts.size());
  if (!values || values->empty()) return false;
  for (std::size_t i = 0; i < values->size(); ++i) {
    to += i == 0 ? '{' : ',';
    values::append_json_string(to, type.parts[i].name);
    to += ':';
    if (!append_part(to, type.parts[i].type, (*values)[i])) return false;
  }
  to += '}';
  return true;
}

bool append_range(std::string& to, const column_type& bound, const values::range_text& range) {
  to += R"({"lower":)";
  if (!append_part(to, bound, range.lower)) return false;
  to += R"(,"upper":)";
  if (!append_part(to, bound, range.upper)) return false;
  to += R"(,"bounds":")";
  if (range.empty) {
    to += "empty";
  } else {
    to += range.lower_inclusive ? '[' : '(';
    to += range.upper_inclusive ? ']' : ')';
  }
  to += R"("})";
  return true;
}

bool append_single_range(std::string& to, const column_type& type, std::string_view text) {
  const auto range = values::split_range(text);
  return range && !type.parts.empty() && append_range(to, type.parts.front().type, *range);
}

bool append_multirange(std::string& to, const column_type& type, std::string_view text) {
  const auto ranges = values::split_multirange(text);
  if (!ranges || type.parts.empty()) return false;
  to += '[';
  for (std::size_t i = 0; i < ranges->size(); ++i) {
    if (i != 0) to += ',';
    if (!append_range(to, type.parts.front().type, (*ranges)[i])) return false;
  }
  to += ']';
  return true;
}

bool append_hstore(std::string& to, std::string_view text) {
  const auto pairs = values::split_hstore(text);
  if (!pairs) return false;
  to += '{';
  bool first = true;
  for (const auto& [key, value] : *pairs) {
    if (!first) to += ',';
    first = false;
    values::append_json_string(to, key);
    to += ':';
    if (value) {
      values::append_json_string(to, *value);
    } else {
      to += "null";
    }
  }
  to += '}';
  return true;
}

bool append_elements(std::string& to, const column_type& type, std::string_view text) {
  return values::append_array(to, text, type.delimiter, [&](std::string_view element) {
    return append_element(to, type, element);
  });
}

bool append_element(std::string& to, const column_type& type, std::string_view text) {
  switch (type.kind) {
    case value_kind::boolean:
      if (text != "t" && text != "f") return false;
      to += text == "t" ? "true" : "false";
      return true;
    case value_kind::int2:
    case value_kind::int4:
    case value_kind::oid:
      if (!values::is_json_number(text)) return false;
      to += text;
      return true;
    case value_kind::float4:
    case value_kind::float8:
      if (values::is_json_number(text)) {
        to += text;
      } else {
        values::append_json_string(to, text);
      }
      return true;
    case value_kind::money: {
      const auto number = values::money_number(type, text);
      if (!number) return false;
      values::append_json_string(to, *number);
      return true;
    }
    case value_kind::bytea:
      return append_bytes(to, text);
    case value_kind::json:
    case value_kind::jsonb:
      return append_json(to, text);
    case value_kind::timestamp:
      return append_timestamp(to, text, false);
    case value_kind::timestamptz:
      return append_timestamp(to, text, true);
    case value_kind::int8:
    case value_kind::numeric:
    case value_kind::text:
    case value_kind::date:
    case value_kind::time:
    case value_kind::timetz:
    case value_kind::enumeration:
    case value_kind::plain:
      values::append_json_string(to, text);
      return true;
    case value_kind::composite:
      return append_composite(to, type, text);
    case value_kind::range:
      return append_single_range(to, type, text);
    case value_kind::multirange:
      return append_multirange(to, type, text);
    case value_kind::hstore:
      return append_hstore(to, text);
    case value_kind::list:
      return !type.parts.empty() && append_native(to, type.parts.front().type, text);
    case value_kind::other:
      return false;
  }
  return false;
}

}  // namespace

bool append_native(std::string& to, const column_type& type, std::string_view text) {
  return type.is_list ? append_elements(to, type, text) : append_element(to, type, text);
}

bool is_json_null(const column_type& type, std::string_view text) {
  if (type.is_list || (type.kind != value_kind::json && type.kind != value_kind::jsonb)) {
    return false;
  }
  constexpr std::string_view blanks = " \t\r\n";
  const auto start = text.find_first_not_of(blanks);
  if (start == std::string_view::npos) return false;
  return text.substr(start, text.find_last_not_of(blanks) + 1 - start) == "null";
}

}  // namespace pulse::rendering
