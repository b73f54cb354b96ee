#include "commands/shown_answer.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace pulse::commands {
namespace {

using std::chrono::sys_days;

const std::chrono::sys_seconds noon =
    sys_days(std::chrono::year(2026) / 11 / 30) + std::chrono::hours(12);

std::string shown_of(const char* answer, const char* member) {
  return people_text(boost::json::parse(answer).as_object(), member, noon);
}

TEST(people_text, has_units_and_thousands) {
  EXPECT_EQ(shown_of(R"({"lagBytes":1503238554})", "lagBytes"), "1.4 GiB");
  EXPECT_EQ(shown_of(R"({"lagSeconds":139})", "lagSeconds"), "2 min");
  EXPECT_EQ(shown_of(R"({"lagSeconds":0})", "lagSeconds"), "0 s");
  EXPECT_EQ(shown_of(R"({"delivered":1234567})", "delivered"), "1,234,567");
}

TEST(people_text, is_no_exponent_however_the_server_writes_a_number) {
  EXPECT_EQ(shown_of(R"({"lagSeconds":1.39E2})", "lagSeconds"), "2 min");
  EXPECT_EQ(shown_of(R"({"lagEvents":1E3})", "lagEvents"), "1,000");
}

TEST(people_text, says_that_counting_has_stopped) {
  EXPECT_EQ(shown_of(R"({"lagEvents":10000,"lagEventsAtLeast":true})", "lagEvents"),
            "at least 10,000");
  EXPECT_EQ(shown_of(R"({"lagEvents":10000,"lagEventsAtLeast":false})", "lagEvents"), "10,000");
}

TEST(people_text, tells_moments_and_how_long_ago_they_were) {
  EXPECT_EQ(shown_of(R"({"movedAt":"2026-11-30T11:59:48.123Z"})", "movedAt"),
            "2026-11-30 11:59:48Z (12 s ago)");
  EXPECT_EQ(shown_of(R"({"movedAt":"2026-11-30T09:00:00.000Z"})", "movedAt"),
            "2026-11-30 09:00:00Z (3 h ago)");
  EXPECT_EQ(shown_of(R"({"movedAt":"2026-11-30T12:00:05.000Z"})", "movedAt"),
            "2026-11-30 12:00:05Z");
  EXPECT_EQ(shown_of(R"({"movedAt":null})", "movedAt"), "");
}

TEST(people_text, leaves_everything_else_as_it_is) {
  EXPECT_EQ(shown_of(R"({"movedAt":"then"})", "movedAt"), "then");
  EXPECT_EQ(shown_of(R"({"name":"a\u001bb"})", "name"), "a\\u001bb");
  EXPECT_EQ(shown_of(R"({"standby":false})", "standby"), "false");
  EXPECT_EQ(shown_of(R"({"share":0.5})", "share"), "5E-1");
  EXPECT_EQ(shown_of(R"({"left":-1})", "left"), "-1");
  EXPECT_EQ(shown_of("{}", "lagBytes"), "");
}

}  // namespace
}  // namespace pulse::commands
