#include "source/timeline_history.hpp"

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

TEST(timeline_history, gives_each_switch_in_the_order_of_the_file) {
  const auto history = parse_timeline_history(
      "1\t0/3000158\tno recovery target specified\n\n2\t1A/F0\tbefore 2024-01-01\n");
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].timeline, 1U);
  EXPECT_EQ(history[0].switch_point, lsn{0x3000158});
  EXPECT_EQ(history[1].timeline, 2U);
  EXPECT_EQ(history[1].switch_point, (lsn{(std::uint64_t{0x1A} << 32U) + 0xF0}));
}

TEST(timeline_history, passes_over_comments_and_lines_that_are_no_switch) {
  EXPECT_TRUE(parse_timeline_history("").empty());
  EXPECT_TRUE(
      parse_timeline_history("# 1 0/10\n1\n1 0\nx 0/10\n1x 0/10\n99999999999 0/10").empty());
  EXPECT_EQ(parse_timeline_history("  7   0/10").size(), 1U) << "also without an end of line";
}

}  // namespace
}  // namespace pulse::source
