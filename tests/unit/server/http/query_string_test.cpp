#include "server/http/query_string.hpp"

#include <string>

#include <gtest/gtest.h>

namespace pulse::server {
namespace {

TEST(query_string, keeps_the_order_and_repeated_names) {
  const std::string target = "/v1/events?table=public.a&after=now&table=b%20c&&flag&x=1=2#";
  const auto query = query_string::of_target(target);
  ASSERT_TRUE(query);
  std::string all;
  for (const auto& one : query->all()) all += one.name + "=" + one.value + ";";
  EXPECT_EQ(all, "table=public.a;after=now;table=b c;flag=;x=1=2#;");
  EXPECT_EQ(query->find("table")->value, "public.a");
  EXPECT_EQ(query->find("Table"), nullptr);
}

TEST(query_string, decodes_names_and_values_once) {
  const std::string target = "/?t%61ble=a%2Eb&plus=a+b%2Bc&twice=%2541";
  const auto query = query_string::of_target(target);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->find("table")->value, "a.b");
  EXPECT_EQ(query->find("table")->raw_value, "a%2Eb");
  EXPECT_EQ(query->find("plus")->value, "a b+c");
  EXPECT_EQ(query->find("twice")->value, "%41");
}

TEST(query_string, may_be_empty_and_is_refused_when_broken) {
  for (const auto* target : {"/", "/?", "/?&&"}) {
    const auto query = query_string::of_target(target);
    ASSERT_TRUE(query) << target;
    EXPECT_TRUE(query->all().empty()) << target;
  }
  for (const auto* target : {"/?a=%", "/?a=%4", "/?%zz=1"})
    EXPECT_FALSE(query_string::of_target(target)) << target;
}

}  // namespace
}  // namespace pulse::server
