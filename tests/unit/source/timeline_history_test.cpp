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

TEST(timeline_history, a_whole_history_survives_being_kept) {
  for (const auto& history :
       {timelines{1}, timelines{3, {{1, lsn{0x5000}}, {2, lsn{0xA00005800}}}}})
    EXPECT_EQ(parse_timelines(to_text(history)), history) << to_text(history);
}

TEST(timeline_history, of_other_text_nothing_is_known) {
  for (const auto* text : {"", "x", "1\t0/5000\n", "1\t0/5000", "99999999999", "2 "})
    EXPECT_EQ(parse_timelines(text).current, 0U) << text;
}

}  // namespace
}  // namespace pulse::source
