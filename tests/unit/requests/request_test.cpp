#include "requests/request.hpp"

#include <string>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace pulse::requests {
namespace {

// UTF-8 as a client puts it into a header: Latin-1 bytes, with the rest escaped.
result<stream_request> named(const std::string& name) {
  return parse_request(stream_mode::stream, R"({"table":"jobs"})", R"({"name":")" + name + R"("})");
}

TEST(stream_names, have_no_characters_that_a_terminal_obeys) {
  for (const auto* good : {"mail", "caf\xE9", "\\u6f22\\u5b57", "a b/c.d\\\\e"})
    EXPECT_TRUE(named(good)) << good;
  for (const auto* bad : {"a\\u001b[2J", "a\\nb", "\\t", "\\u007f", "\\u009b2J", "\\u202egpj",
                          "\\u2066", "\\u0000"}) {
    const auto refused = named(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
    EXPECT_EQ(refused.error().message().find('\x1B'), std::string::npos);
  }
}

// As somebody writes it by hand who reads docs/filters.md.
result<stream_request> named_in_where(const std::string& name, const std::string& stream_header,
                                      stream_mode mode = stream_mode::stream) {
  return parse_request(mode, R"({"table":"jobs","where":{"name":)" + name + "}}", stream_header);
}

TEST(stream_names, may_stand_in_the_where_too) {
  EXPECT_EQ(named_in_where(R"("mail")", "")->name, "mail");
  EXPECT_EQ(named_in_where(R"("mail")", "{}")->name, "mail");
  EXPECT_EQ(named_in_where(R"("mail")", R"({"name":"mail"})")->name, "mail") << "the client's way";
  EXPECT_EQ(named_in_where(R"("mail")", R"({"name":"post"})")->name, "post");
  EXPECT_EQ(named_in_where("null", "{}")->name, "");
  EXPECT_EQ(named_in_where(R"("mail")", "", stream_mode::subscribe)->name, "");
}

TEST(stream_names, in_the_where_are_held_to_the_same) {
  for (const auto& bad : {std::string("5"), std::string(R"("a\nb")"),
                          '"' + std::string(stream_name_bytes_max + 1, 'x') + '"'}) {
    const auto refused = named_in_where(bad, "");
    ASSERT_FALSE(refused) << bad;
    EXPECT_NE(refused.error().what.find("where.name"), std::string::npos) << refused.error().what;
  }
}

}  // namespace
}  // namespace pulse::requests
