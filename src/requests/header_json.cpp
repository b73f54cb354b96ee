#include "requests/header_json.hpp"

#include <string>

#include <boost/json/parse.hpp>

namespace pulse::requests {

namespace json = boost::json;

namespace {

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

}  // namespace

result<json::object> parse_header_object(std::string_view text, const request_place& header) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  json::error_code failure;
  auto parsed = json::parse(to_utf8(text), failure, {}, options);
  if (failure) return header.wrong("is not JSON: " + failure.message());
  if (!parsed.is_object()) return header.wrong("is not a JSON object");
  return std::move(parsed.get_object());
}

}  // namespace pulse::requests
