#include "requests/header_json.hpp"

#include <string>

#include <boost/json/value.hpp>

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
  auto parsed = parse_json(to_utf8(text), header);
  if (!parsed) return parsed.error();
  if (!parsed->is_object()) return header.wrong("is not a JSON object");
  return std::move(parsed->get_object());
}

}  // namespace pulse::requests
