#include "streams/acknowledged_ahead.hpp"

#include <gtest/gtest.h>

namespace pulse::streams {
namespace {

using seen = acknowledged_ahead::seen;

event_id id(std::uint32_t n) {
  return make_event_id(1000, lsn{77}, n);
}

delivery_window window_with(std::uint32_t first, std::uint32_t last) {
  delivery_window window(100, 10000);
  for (auto n = first; n <= last; ++n) window.sent(id(n), {1, lsn{1}, lsn{1}, n}, 1);
  return window;
}

TEST(acknowledged_ahead, what_an_earlier_connection_acknowledged_is_not_sent_again) {
  acknowledged_ahead ahead;
  auto window = window_with(1, 3);
  window.acknowledge(id(2));
  ahead.connection_ended(window);
  EXPECT_EQ(ahead.meet(id(1)), seen::delivered);
  EXPECT_EQ(ahead.meet(id(2)), seen::acknowledged);
  EXPECT_EQ(ahead.meet(id(3)), seen::delivered);
  EXPECT_TRUE(ahead.empty());
}

TEST(acknowledged_ahead,
     an_acknowledgement_on_the_next_connection_counts_for_the_earlier_delivery) {
  acknowledged_ahead ahead;
  ahead.connection_ended(window_with(1, 2));
  EXPECT_TRUE(ahead.acknowledge(id(1)));
  EXPECT_TRUE(ahead.acknowledge(id(1)));
  EXPECT_EQ(ahead.meet(id(1)), seen::acknowledged);
}

TEST(acknowledged_ahead, an_acknowledgement_from_before_a_restart_still_has_the_event_sent) {
  acknowledged_ahead ahead;
  EXPECT_TRUE(ahead.acknowledge(id(5)));
  EXPECT_EQ(ahead.meet(id(4)), seen::never);
  EXPECT_EQ(ahead.meet(id(5)), seen::acknowledged_elsewhere);
}

TEST(acknowledged_ahead, acknowledgements_that_fit_nothing_are_bounded) {
  acknowledged_ahead ahead;
  for (std::uint32_t n = 0; n < acknowledged_ahead::unknown_max; ++n)
    EXPECT_TRUE(ahead.acknowledge(id(n)));
  EXPECT_FALSE(ahead.acknowledge(id(1000000)));
}

TEST(acknowledged_ahead, what_the_log_has_passed_is_forgotten) {
  acknowledged_ahead ahead;
  ahead.connection_ended(window_with(1, 50));
  EXPECT_EQ(ahead.meet(id(60)), seen::never);
  EXPECT_TRUE(ahead.empty());
}

}  // namespace
}  // namespace pulse::streams
