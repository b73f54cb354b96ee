#include "requests/stream_options.hpp"

#include <string>

#include <gtest/gtest.h>

namespace pulse::requests {
namespace {

TEST(stream_options, ask_for_nothing_unless_they_say_so) {
  for (const auto* header : {"", "{}", R"({"name":"mail"})", R"({"from":"now","until":null})"}) {
    const auto read = parse_stream_options(header);
    ASSERT_TRUE(read) << header;
    EXPECT_FALSE(read->from_beginning);
    EXPECT_FALSE(read->until_end);
    EXPECT_FALSE(read->window_events.has_value());
  }
}

TEST(stream_options, say_where_a_name_starts_when_it_is_told_and_how_much_is_in_flight) {
  const auto read =
      parse_stream_options(R"({"name":"mail","from":"beginning","until":"end","window":100})");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(read->from_beginning);
  EXPECT_TRUE(read->until_end);
  EXPECT_EQ(read->window_events, 100U);
}

TEST(stream_options, are_refused_with_the_member_that_is_wrong) {
  const struct {
    const char* header;
    const char* said;
  } wrong[] = {
      {"[]", "'stream' header"},         {R"({"from":"yesterday"})", "from"},
      {R"({"until":"noon"})", "until"},  {R"({"window":0})", "window"},
      {R"({"window":10001})", "window"}, {R"({"window":"many"})", "window"},
      {R"({"windo":5})", "window"},      {"{", "'stream' header"},
  };
  for (const auto& [header, said] : wrong) {
    const auto read = parse_stream_options(header);
    ASSERT_FALSE(read) << header;
    EXPECT_EQ(read.error().code, errc::invalid_argument);
    EXPECT_NE(read.error().message().find(said), std::string::npos) << read.error().message();
  }
}

}  // namespace
}  // namespace pulse::requests
