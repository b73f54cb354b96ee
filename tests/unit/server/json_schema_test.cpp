// What the tests of the server's answers rest on must be able to say no.
#include "tests/unit/server/json_schema.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "server/routes.hpp"
#include "tests/unit/server/described_answers.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;

std::string disagreement(std::string_view value, std::string_view schema) {
  const auto document =
      json::parse(R"({"components":{"schemas":{"Word":{"type":"string"}}}})").as_object();
  return json_schema(document).disagreement(json::parse(value), json::parse(schema).as_object());
}

TEST(json_schema, finds_what_is_wrong_and_nothing_else) {
  constexpr std::string_view schema = R"({
    "type": "object", "required": ["id"],
    "properties": {"id": {"type": "integer"}, "at": {"type": ["string", "null"]},
                   "kind": {"enum": ["a", "b"]},
                   "words": {"type": "array", "items": {"$ref": "#/components/schemas/Word"}},
                   "either": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Word"}]}}
  })";
  EXPECT_EQ(disagreement(R"({"id":1,"at":null,"kind":"b","words":["x"],"either":"y"})", schema),
            "");
  for (const auto* wrong :
       {"[]", "{}", R"({"id":"1"})", R"({"id":1.5})", R"({"id":1,"at":2})",
        R"({"id":1,"kind":"c"})", R"({"id":1,"words":[1]})", R"({"id":1,"words":"x"})",
        R"({"id":1,"either":2})", R"({"id":1,"more":2})"}) {
    EXPECT_NE(disagreement(wrong, schema), "") << wrong;
  }
  EXPECT_EQ(disagreement(R"({"a":1})", R"({"type":"object"})"), "");
  EXPECT_THROW(disagreement("1", R"({"minimum":2})"), std::logic_error);
}

TEST(described_answers, find_what_is_not_as_it_is_described) {
  const auto wrong = [](const std::string& status, const std::string& type,
                        const std::string& body) {
    return disagreement_with_description(all_routes(), surface::admin, "GET",
                                         "/v1/projects/shop/gaps",
                                         "HTTP/1.1 " + status + " X\r\ncontent-type: " + type +
                                             "\r\ncache-control: no-store\r\n\r\n" + body);
  };
  EXPECT_EQ(wrong("200", "application/json", R"({"gaps":[]})"), "");
  EXPECT_NE(wrong("200", "application/json", R"({"gaps":[{}]})"), "");
  EXPECT_NE(wrong("200", "text/plain", R"({"gaps":[]})"), "");
  EXPECT_NE(wrong("201", "application/json", R"({"gaps":[]})"), "");
  EXPECT_NE(wrong("404", "application/json", R"({"gaps":[]})"), "");
}

}  // namespace
}  // namespace pulse::server
