#include "server/failed_keys.hpp"

#include <gtest/gtest.h>

namespace pulse::server {
namespace {

using std::chrono::seconds;

constexpr std::size_t per_minute = 6;

class tried_keys : public ::testing::Test {
 protected:
  void fail(const std::string& network, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) keys_.refused(network, per_minute, now_);
  }
  auto wait(const std::string& network) const { return keys_.wait_for(network, per_minute, now_); }

  failed_keys keys_;
  failed_keys::time now_{std::chrono::hours(5)};
};

TEST_F(tried_keys, may_be_wrong_so_often_and_again_after_a_while) {
  fail("192.0.2.1", per_minute - 1);
  EXPECT_FALSE(wait("192.0.2.1"));
  fail("192.0.2.1", 1);
  EXPECT_EQ(wait("192.0.2.1"), seconds(10));
  EXPECT_FALSE(wait("192.0.2.2")) << "nobody else waits";
  now_ += seconds(9);
  EXPECT_EQ(wait("192.0.2.1"), seconds(1));
  now_ += seconds(1);
  EXPECT_FALSE(wait("192.0.2.1"));
  fail("192.0.2.1", 1);
  EXPECT_EQ(wait("192.0.2.1"), seconds(10));
}

TEST_F(tried_keys, are_not_limited_when_told_so) {
  for (int i = 0; i < 1000; ++i) keys_.refused("192.0.2.1", 0, now_);
  EXPECT_FALSE(keys_.wait_for("192.0.2.1", 0, now_));
  EXPECT_EQ(keys_.networks(), 0U);
}

TEST_F(tried_keys, of_any_number_of_addresses_take_bounded_memory) {
  fail("192.0.2.1", per_minute);
  for (std::size_t i = 0; i < 2 * failed_keys::networks_max; ++i) fail("n" + std::to_string(i), 1);
  EXPECT_EQ(keys_.networks(), failed_keys::networks_max);
  EXPECT_TRUE(wait("192.0.2.1")) << "who was wrong most often is forgotten last";
}

TEST(networks, are_an_ipv4_address_or_half_an_ipv6_one) {
  const auto of = [](const char* text) { return network_of(boost::asio::ip::make_address(text)); };
  EXPECT_EQ(of("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(of("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::"));
  EXPECT_NE(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
}

}  // namespace
}  // namespace pulse::server
