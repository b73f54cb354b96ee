// A consumer that holds a name and acknowledges nothing, on scripted time.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

class hub_stalls : public hub_fixture {
 protected:
  static constexpr std::size_t window = 4;

  hub_stalls() { start(5min); }

  void start(std::chrono::seconds stall_timeout) {
    limits_.window_events_max = window;
    limits_.stall_timeout = stall_timeout;
    start_hub();
  }
};

TEST_F(hub_stalls, consumer_that_acknowledges_nothing_makes_way_for_the_one_that_waits) {
  const auto first = open("mail");
  const auto second = open("mail");
  append(10);
  EXPECT_EQ(first->ids.size(), window);
  pass_until(299s);
  EXPECT_FALSE(first->ended);
  EXPECT_EQ(figure("pulse_streams_stalled"), 1);
  pass_until(302s);
  EXPECT_EQ(first->ended, end_reason::slow);
  EXPECT_NE(first->said.find("5 min"), std::string::npos) << first->said;
  EXPECT_LE(first->said.size(), 123U);
  EXPECT_EQ(second->ids, first->ids) << "what was not acknowledged comes again";
  EXPECT_EQ(figure("pulse_streams_stalled_ended_total"), 1);
  for (std::size_t i = 0; i < 10; ++i) acknowledge(*second, i);
  EXPECT_EQ(second->ids.size(), 10U);
  pass_until(303s);
  EXPECT_EQ(figure("pulse_streams_stalled"), 0);
}

TEST_F(hub_stalls, while_nobody_waits_the_name_is_kept) {
  const auto first = open("mail");
  append(10);
  pass_until(1000s);
  EXPECT_FALSE(first->ended);
  const auto second = open("mail");
  EXPECT_FALSE(first->ended);
  pass_until(1001s);
  EXPECT_EQ(first->ended, end_reason::slow);
  EXPECT_EQ(second->ids, first->ids);
}

TEST_F(hub_stalls, one_acknowledgement_gives_as_much_time_again) {
  const auto first = open("mail");
  const auto second = open("mail");
  append(10);
  pass_until(250s);
  acknowledge(*first, 0);
  EXPECT_EQ(first->ids.size(), window) << "not enough for more to be sent";
  pass_until(550s);
  EXPECT_FALSE(first->ended);
  pass_until(552s);
  EXPECT_EQ(first->ended, end_reason::slow);
  EXPECT_EQ(second->ids.size(), window);
}

TEST_F(hub_stalls, consumer_with_room_left_may_take_its_time) {
  const auto first = open("mail");
  const auto second = open("mail");
  append(window);
  pass_until(1000s);
  EXPECT_FALSE(first->ended);
  EXPECT_EQ(figure("pulse_streams_stalled"), 0);
  EXPECT_TRUE(second->ids.empty());
}

TEST_F(hub_stalls, without_a_name_nobody_is_held_up) {
  const auto first = open("");
  const auto second = open("");
  append(10);
  pass_until(1000s);
  EXPECT_FALSE(first->ended);
  EXPECT_FALSE(second->ended);
  EXPECT_EQ(figure("pulse_streams_stalled"), 2);
}

TEST_F(hub_stalls, zero_means_never) {
  start(0s);
  const auto first = open("mail");
  const auto second = open("mail");
  append(10);
  pass_until(1000s);
  EXPECT_FALSE(first->ended);
}

TEST_F(hub_stalls, acknowledgements_that_no_event_follows_are_counted_at_the_next_tick) {
  const auto reader = open("mail");
  append(2);
  acknowledge_all(*reader);
  pass_until(1s);
  EXPECT_EQ(figure("pulse_events_acknowledged_total"), 2);
}

}  // namespace
}  // namespace pulse::streams
