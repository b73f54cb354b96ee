#include "requests/json_members.hpp"

#include <array>
#include <string>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace pulse::requests::json_members_test {
namespace {

using std::chrono::milliseconds;

const auto at = request_place::of_body().member("wait");

TEST(request_places, name_the_member_in_its_source) {
  const auto body = request_place::of_body();
  EXPECT_EQ(body.text(), "the body");
  EXPECT_EQ(body.member("tables").element(1).text(), "tables[1]");
  EXPECT_EQ(body.member("where").member("update").member("x").text(), "where.update.x");
  const auto header = request_place::of_header("subscription");
  EXPECT_EQ(header.member("where").text(), "the 'subscription' header: where");
  EXPECT_EQ(request_place::of_query("wait").text(), "the query's 'wait'");
  EXPECT_EQ(body.member("a\x1B[2J").text(), "a\\u001b[2J");
}

TEST(unknown_members, are_refused_with_the_nearest_known_one) {
  constexpr std::array<std::string_view, 2> known{"after", "before"};
  const auto check = [&](std::string_view text) {
    return check_members(boost::json::parse(text).as_object(), known,
                         request_place::of_body().member("where").member("update"));
  };
  EXPECT_TRUE(check("{}"));
  EXPECT_TRUE(check(R"({"before":null,"after":1})"));
  const auto refused = check(R"({"after":1,"befor":2})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what,
            "where.update.befor is an unknown member; known are after, before");
  EXPECT_EQ(refused.error().next, "did you mean 'before'?");
  EXPECT_EQ(check(R"({"colour":1})").error().next, "leave it out");
  EXPECT_LT(check("{\"" + std::string(100'000, 'x') + "\":1}").error().what.size(), 500U);
}

TEST(durations, are_texts_with_a_unit_or_seconds) {
  for (const auto& [text, expected] :
       {std::pair{R"("20s")", 20'000}, std::pair{"20", 20'000}, std::pair{"0.5", 500},
        std::pair{R"("500ms")", 500}, std::pair{R"("2min")", 120'000}, std::pair{"0", 0},
        std::pair{R"("20")", 20'000}, std::pair{R"("1.5s")", 1500}, std::pair{"1e1", 10'000}}) {
    const auto read = duration_at(boost::json::parse(text), at);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, milliseconds(expected)) << text;
  }
  for (const auto* bad : {R"("")", R"("soon")", R"("-1")", "-1", "1e300", "null", "true", "[]",
                          R"("20 parsecs")", R"("1e3")", R"("nan")", R"("inf")", R"("2000d")"}) {
    const auto read = duration_at(boost::json::parse(bad), at);
    ASSERT_FALSE(read) << bad;
    EXPECT_TRUE(read.error().what.starts_with("wait is not a duration")) << read.error().what;
  }
}

TEST(sizes, are_texts_with_a_unit_or_bytes) {
  EXPECT_EQ(*size_at("1MiB", at), std::uint64_t{1} << 20U);
  EXPECT_EQ(*size_at(4096, at), 4096U);
  EXPECT_EQ(*size_at("4096", at), 4096U);
  for (const auto& bad : {boost::json::value(-1), boost::json::value(0.5), boost::json::value(""),
                          boost::json::value("big"), boost::json::value(nullptr)})
    EXPECT_FALSE(size_at(bad, at)) << bad;
}

TEST(counts, are_whole_numbers) {
  EXPECT_EQ(*count_at(100, at), 100U);
  EXPECT_EQ(*count_of("100", at), 100U);
  for (const auto& bad : {boost::json::value(-1), boost::json::value(0.5), boost::json::value("1")})
    EXPECT_FALSE(count_at(bad, at)) << bad;
  for (const auto* bad : {"", "-1", "1.5", "1x", "99999999999999999999"})
    EXPECT_FALSE(count_of(bad, at)) << bad;
}

}  // namespace
}  // namespace pulse::requests::json_members_test
