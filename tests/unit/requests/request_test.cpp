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

}  // namespace
}  // namespace pulse::requests
