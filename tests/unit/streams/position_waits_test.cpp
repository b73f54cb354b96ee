#include "streams/position_waits.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "log/memory_log.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::streams::position_waits_test {

using pulse::testing::test_event;

position place(std::uint64_t at, std::uint32_t timeline = 1) {
  return {timeline, lsn{at}, {}, 0};
}

struct waits_rig {
  void cover(std::uint64_t through, std::uint32_t timeline = 1) {
    EXPECT_TRUE(log.cover(timeline, lsn{through}));
    under_test.look();
  }
  // Of the nth event: its commit record's position.
  static position commit_of(std::uint32_t n) {
    const auto at = test_event(n).view().at;
    return {at.timeline, at.commit, at.commit, 0};
  }
  std::shared_ptr<void> wait(const position& through, int number) {
    return under_test.wait(through, [this, number] { ended.push_back(number); });
  }

  log::memory_log log{1U << 24U};
  log::readable_end readable;
  position_waits under_test{log, &readable};
  std::vector<int> ended;
};

TEST(position_waits, end_in_the_order_of_their_positions) {
  waits_rig rig;
  const auto late = rig.wait(place(300), 3);
  const auto early = rig.wait(place(100), 1);
  const auto middle = rig.wait(place(200), 2);
  rig.cover(99);
  EXPECT_TRUE(rig.ended.empty());
  rig.cover(200);
  EXPECT_EQ(rig.ended, (std::vector{1, 2}));
  EXPECT_FALSE(rig.under_test.has_reached(place(300)));
  rig.cover(301);
  EXPECT_EQ(rig.ended, (std::vector{1, 2, 3}));
  EXPECT_EQ(rig.under_test.size(), 0U);
}

TEST(position_waits, a_commit_record_is_reached_when_its_end_is_covered) {
  waits_rig rig;
  const auto handle = rig.wait({1, lsn{100}, lsn{100}, 0}, 1);
  rig.cover(100);
  EXPECT_TRUE(rig.ended.empty());
  rig.cover(105);
  EXPECT_EQ(rig.ended, (std::vector{1}));
}

TEST(position_waits, a_later_timeline_is_not_reached_by_an_earlier_one) {
  waits_rig rig;
  const auto handle = rig.wait(place(100, 2), 1);
  rig.cover(500);
  EXPECT_TRUE(rig.ended.empty());
  rig.cover(501, 2);
  EXPECT_EQ(rig.ended, (std::vector{1}));
}

TEST(position_waits, events_that_may_not_be_delivered_hold_up_waits_for_them_alone) {
  waits_rig rig;
  ASSERT_TRUE(rig.log.append(test_event(1).view()));
  ASSERT_TRUE(rig.log.append(test_event(50).view()));
  const auto first = rig.wait(rig.commit_of(1), 1);
  const auto second = rig.wait(rig.commit_of(50), 2);
  const auto after = rig.commit_of(50).commit.value + 1;
  rig.cover(after);
  EXPECT_TRUE(rig.ended.empty());
  rig.readable.move(rig.commit_of(1));
  rig.under_test.look();
  EXPECT_EQ(rig.ended, (std::vector{1}));
  EXPECT_EQ(rig.under_test.reached(), rig.commit_of(1));
  rig.readable.move(rig.commit_of(50));
  rig.under_test.look();
  EXPECT_EQ(rig.ended, (std::vector{1, 2}));
  EXPECT_EQ(rig.under_test.reached(), place(after));
}

TEST(position_waits, end_with_their_handles) {
  waits_rig rig;
  auto dropped = rig.wait(place(100), 1);
  const auto kept = rig.wait(place(100), 2);
  dropped.reset();
  EXPECT_EQ(rig.under_test.size(), 1U);
  rig.cover(100);
  EXPECT_EQ(rig.ended, (std::vector{2}));
}

TEST(position_waits, one_that_ends_may_end_and_begin_others) {
  waits_rig rig;
  std::shared_ptr<void> other = rig.wait(place(100), 2);
  std::shared_ptr<void> begun;
  const auto first = rig.under_test.wait(place(50), [&] {
    rig.ended.push_back(1);
    other.reset();
    begun = rig.wait(place(80), 3);
  });
  rig.cover(100);
  EXPECT_EQ(rig.ended, (std::vector{1, 3}));
}

TEST(position_waits, handles_outlive_the_waits) {
  std::shared_ptr<void> handle;
  {
    waits_rig rig;
    handle = rig.wait(place(100), 1);
  }
  handle.reset();
}

}  // namespace pulse::streams::position_waits_test
