#include "log/memory_log.hpp"

#include <gtest/gtest.h>

#include "tests/support/test_events.hpp"

namespace pulse::log {
namespace {

using pulse::testing::collect;
using pulse::testing::test_event;

TEST(memory_log, keeps_the_newest_bytes_and_says_what_it_dropped) {
  memory_log log(20000);
  for (std::uint32_t n = 1; n <= 1000; ++n) ASSERT_TRUE(log.append(test_event(n).view()));
  const auto bounds = log.bounds();
  EXPECT_LE(bounds.stored_bytes, 20000U);
  EXPECT_GT(bounds.first, 1U);
  EXPECT_EQ(bounds.last, 1000U);
  EXPECT_EQ(bounds.dropped_through,
            test_event(static_cast<std::uint32_t>(bounds.first - 1)).view().at);
  EXPECT_EQ(collect(*log.read(position{}, 0)).size(), bounds.last + 1 - bounds.first);
  EXPECT_EQ(collect(*log.read(bounds.dropped_through, 0)).front().sequence, bounds.first);
  const auto before_it = log.read(test_event(1).view().at, 0);
  const auto read = before_it->next();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::gap);
}

TEST(memory_log, keeps_one_event_however_large_it_is) {
  memory_log log(10);
  ASSERT_TRUE(log.append(test_event(1).view()));
  ASSERT_TRUE(log.append(test_event(2).view()));
  EXPECT_EQ(collect(*log.read(position{}, 0)).size(), 1U);
}

TEST(memory_log, what_a_reader_gave_holds_until_its_next_call_though_it_is_dropped_meanwhile) {
  memory_log log(10);
  const test_event first(1);
  ASSERT_TRUE(log.append(first.view()));
  const auto reader = log.read(position{}, 0);
  const auto* const event = reader->next().value();
  for (std::uint32_t n = 2; n <= 50; ++n) ASSERT_TRUE(log.append(test_event(n).view()));
  EXPECT_EQ(as_text(event->after.bytes()), first.payload());
  const auto next = reader->next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, errc::gap);
}

}  // namespace
}  // namespace pulse::log
