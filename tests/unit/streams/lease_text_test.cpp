#include "streams/lease_text.hpp"

#include <gtest/gtest.h>

namespace pulse::streams {
namespace {

stored_lease a_lease() {
  stored_lease lease;
  lease.token_hash = std::string(64, 'a');
  lease.since = unix_time_us(std::chrono::seconds(1000));
  lease.expires_at = unix_time_us(std::chrono::seconds(1060));
  lease.length = std::chrono::seconds(60);
  lease.outstanding = {{make_event_id(1, lsn{16}, 0), 1}, {make_event_id(1, lsn{16}, 2), 7}};
  lease.acknowledged = {make_event_id(1, lsn{16}, 1)};
  return lease;
}

TEST(lease_text, comes_back_as_it_was) {
  const auto lease = a_lease();
  ASSERT_TRUE(parse_lease(to_text(lease)));
  EXPECT_EQ(*parse_lease(to_text(lease)), lease);
}

TEST(lease_text, what_was_acknowledged_outlives_the_lease) {
  auto lease = a_lease();
  lease.token_hash.clear();
  const auto read = parse_lease(to_text(lease));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->token_hash.empty());
  EXPECT_TRUE(read->outstanding.empty());
  EXPECT_EQ(read->acknowledged, lease.acknowledged);
}

TEST(lease_text, nothing_is_stored_as_nothing) {
  EXPECT_EQ(to_text({}), "");
  ASSERT_TRUE(parse_lease(""));
  EXPECT_EQ(*parse_lease(""), stored_lease{});
}

TEST(lease_text, damaged_text_is_no_lease) {
  const auto id = to_string(make_event_id(1, lsn{16}, 0));
  const auto hash = std::string(64, 'a');
  for (const std::string& text :
       {std::string("until noon"), std::string("[]"), std::string(R"({"version":2})"),
        std::string(R"({"version":1,"token":"short"})"),
        R"({"version":1,"token":")" + hash + R"("})",
        R"({"version":1,"token":")" + hash + R"(","since":1,"expires":2,"length":0})",
        std::string(R"({"version":1,"acknowledged":["no id"]})"),
        R"({"version":1,"outstanding":[[")" + id + R"(",0]]})",
        R"({"version":1,"outstanding":[[")" + id + R"(",1],[")" + id + R"(",1]]})"}) {
    const auto read = parse_lease(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::corrupt);
  }
}

TEST(lease_text, every_truncation_is_no_lease) {
  const auto text = to_text(a_lease());
  for (std::size_t size = 1; size < text.size(); ++size)
    EXPECT_FALSE(parse_lease(std::string_view(text).substr(0, size))) << size;
}

}  // namespace
}  // namespace pulse::streams
