#include "source/room_checks.hpp"

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

finding slots(int others, bool has_own, int most) {
  return check_room(
      {"replication slots", "max_replication_slots", "a standby's slot", others, has_own, most});
}

TEST(check_room, is_well_when_some_are_left) {
  EXPECT_EQ(slots(0, true, 10).level, severity::ok);
  EXPECT_EQ(slots(7, true, 10).what, "8 of 10 replication slots are in use");
  EXPECT_EQ(slots(89, true, 100).level, severity::ok);
}

TEST(check_room, warns_when_one_or_less_than_a_tenth_is_left) {
  const auto one = slots(8, true, 10);
  EXPECT_EQ(one.level, severity::warning);
  EXPECT_EQ(one.what, "9 of 10 replication slots are in use: 1 is left");
  EXPECT_EQ(one.sql, "ALTER SYSTEM SET max_replication_slots = 14;");
  EXPECT_EQ(slots(9, true, 10).what, "10 of 10 replication slots are in use: none is left");
  EXPECT_EQ(slots(90, true, 100).what, "91 of 100 replication slots are in use: 9 are left");
}

TEST(check_room, counts_what_pulse_will_take) {
  EXPECT_EQ(slots(8, false, 10).what,
            "8 of 10 replication slots are in use, and Pulse takes one more: 1 is left");
  EXPECT_EQ(slots(9, false, 10).level, severity::warning);
}

TEST(check_room, fails_when_none_is_left_for_pulse) {
  EXPECT_EQ(slots(10, false, 10).level, severity::failure);
  EXPECT_EQ(slots(10, false, 10).what, "all 10 replication slots are in use");
  EXPECT_EQ(slots(0, false, 0).level, severity::failure);
}

}  // namespace
}  // namespace pulse::source
