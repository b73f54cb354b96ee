#include "source/slot_retention.hpp"

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

TEST(slot_retention, without_a_limit_nothing_is_near_it) {
  EXPECT_EQ(level_of({std::uint64_t{1} << 40U, "extended", {}}), retention_level::fine);
  EXPECT_EQ(level_of({std::uint64_t{1} << 40U, "", {}}), retention_level::fine);
}

TEST(slot_retention, more_than_half_of_the_limit_is_near) {
  EXPECT_EQ(level_of({100, "reserved", 100}), retention_level::fine);
  EXPECT_EQ(level_of({101, "reserved", 99}), retention_level::near);
  EXPECT_EQ(level_of({101, "extended", 99}), retention_level::near);
}

TEST(slot_retention, what_the_server_does_not_reserve_any_more_is_ending) {
  EXPECT_EQ(level_of({101, "unreserved", 0}), retention_level::ending);
  EXPECT_EQ(level_of({101, "lost", {}}), retention_level::ending);
}

}  // namespace
}  // namespace pulse::source
