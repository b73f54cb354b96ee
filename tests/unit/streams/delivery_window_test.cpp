#include "streams/delivery_window.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::streams::delivery_window_test {
namespace {

event_id id(std::uint32_t n) {
  return make_event_id(1000, lsn{77}, n);
}

position at(std::uint32_t n) {
  return {1, lsn{100}, lsn{50}, n};
}

TEST(delivery_window, cursor_stays_before_the_first_unacknowledged_event) {
  delivery_window window(10, 1000);
  window.start_at(at(0));
  for (std::uint32_t n = 1; n <= 3; ++n) window.sent(id(n), at(n), 10);
  EXPECT_TRUE(window.acknowledge(id(2)));
  EXPECT_TRUE(window.acknowledge(id(3)));
  EXPECT_EQ(window.cursor(), at(0));
  EXPECT_TRUE(window.acknowledge(id(1)));
  EXPECT_EQ(window.cursor(), at(3));
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.bytes(), 0U);
}

TEST(delivery_window, an_acknowledgement_counts_once_and_only_for_what_is_in_flight) {
  delivery_window window(10, 1000);
  window.sent(id(1), at(1), 10);
  window.sent(id(2), at(2), 10);
  EXPECT_FALSE(window.acknowledge(id(9)));
  EXPECT_TRUE(window.acknowledge(id(2)));
  EXPECT_FALSE(window.acknowledge(id(2)));
  EXPECT_EQ(window.events(), 2U);
}

TEST(delivery_window, unwanted_events_move_the_cursor_only_when_nothing_before_them_is_open) {
  delivery_window window(10, 1000);
  window.start_at(at(0));
  window.passed(at(1));
  EXPECT_EQ(window.cursor(), at(1));
  window.sent(id(2), at(2), 10);
  window.passed(at(3));
  EXPECT_EQ(window.cursor(), at(1));
  window.acknowledge(id(2));
  EXPECT_EQ(window.cursor(), at(3));
}

TEST(delivery_window, an_event_larger_than_the_window_goes_alone) {
  delivery_window window(10, 100);
  EXPECT_TRUE(window.room_for(5000));
  window.sent(id(1), at(1), 5000);
  EXPECT_FALSE(window.room_for(1));
  window.acknowledge(id(1));
  EXPECT_TRUE(window.room_for(1));
}

// Against the plain statement of what a cursor is: the end of the longest prefix that is done with.
RC_GTEST_PROP(delivery_window, cursor_is_the_end_of_the_unbroken_run, ()) {
  const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3));
  delivery_window window(1000, 1000000);
  window.start_at(at(0));
  std::vector<std::pair<std::uint32_t, bool>> model;  // ordinal, done
  std::uint32_t next = 1;
  for (const auto step : steps) {
    if (step == 0) {
      window.sent(id(next), at(next), 1);
      model.emplace_back(next++, false);
    } else if (step == 1) {
      window.passed(at(next));
      model.emplace_back(next++, true);
    } else if (!model.empty()) {
      const auto pick = *rc::gen::inRange<std::size_t>(0, model.size());
      const bool open = !model[pick].second;
      RC_ASSERT(window.acknowledge(id(model[pick].first)) == open);
      model[pick].second = true;
    }
    std::uint32_t expected = 0;
    for (const auto& [ordinal, done] : model) {
      if (!done) break;
      expected = ordinal;
    }
    RC_ASSERT(window.cursor() == at(expected));
  }
}

}  // namespace
}  // namespace pulse::streams::delivery_window_test
