#include "base/line_allowance.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

using std::chrono::milliseconds;

TEST(line_allowance, writes_some_lines_and_counts_the_others) {
  line_allowance lines(2);
  const std::chrono::steady_clock::time_point begin;
  EXPECT_TRUE(lines.take(begin));
  EXPECT_TRUE(lines.take(begin + milliseconds(1)));
  EXPECT_FALSE(lines.take(begin + milliseconds(2)));
  EXPECT_FALSE(lines.take(begin + milliseconds(999)));
  EXPECT_EQ(lines.left_out(begin + milliseconds(999)), 0U);
  EXPECT_EQ(lines.left_out(begin + milliseconds(1000)), 2U);
  EXPECT_EQ(lines.left_out(begin + milliseconds(1000)), 0U);
}

TEST(line_allowance, begins_anew_with_the_first_line_after_an_interval) {
  line_allowance lines(1);
  const std::chrono::steady_clock::time_point begin;
  EXPECT_TRUE(lines.take(begin));
  EXPECT_FALSE(lines.take(begin));
  EXPECT_TRUE(lines.take(begin + milliseconds(1500)));
  EXPECT_FALSE(lines.take(begin + milliseconds(2499)));
  // Those of both intervals.
  EXPECT_EQ(lines.left_out(begin + milliseconds(2500)), 2U);
  EXPECT_TRUE(lines.take(begin + milliseconds(2500)));
}

}  // namespace
}  // namespace pulse
