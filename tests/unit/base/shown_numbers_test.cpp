#include "base/shown_numbers.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace pulse {
namespace {

TEST(shown_count, separates_thousands) {
  EXPECT_EQ(shown_count(0), "0");
  EXPECT_EQ(shown_count(999), "999");
  EXPECT_EQ(shown_count(1000), "1,000");
  EXPECT_EQ(shown_count(123456), "123,456");
  EXPECT_EQ(shown_count(1234567), "1,234,567");
  EXPECT_EQ(shown_count(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

TEST(shown_bytes, has_the_unit_that_fits) {
  EXPECT_EQ(shown_bytes(0), "0 B");
  EXPECT_EQ(shown_bytes(1023), "1023 B");
  EXPECT_EQ(shown_bytes(1024), "1 KiB");
  EXPECT_EQ(shown_bytes(1536), "1.5 KiB");
  EXPECT_EQ(shown_bytes(std::uint64_t{64} << 20U), "64 MiB");
  EXPECT_EQ(shown_bytes(1'503'238'553), "1.4 GiB");
  EXPECT_EQ(shown_bytes((std::uint64_t{1} << 20U) - 1), "1 MiB");
  EXPECT_EQ(shown_bytes(std::numeric_limits<std::uint64_t>::max()), "16 EiB");
}

TEST(shown_duration, has_the_unit_of_which_there_are_two) {
  using std::chrono::seconds;
  EXPECT_EQ(shown_duration(seconds(-5)), "0 s");
  EXPECT_EQ(shown_duration(seconds(12)), "12 s");
  EXPECT_EQ(shown_duration(seconds(119)), "119 s");
  EXPECT_EQ(shown_duration(seconds(139)), "2 min");
  EXPECT_EQ(shown_duration(seconds(7199)), "119 min");
  EXPECT_EQ(shown_duration(seconds(3 * 3600)), "3 h");
  EXPECT_EQ(shown_duration(seconds(9 * 86400 + 5)), "9 d");
}

}  // namespace
}  // namespace pulse
