// What streams that keep up have in common: one place in the log, for all of them.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

class hub_tail : public hub_fixture {
 protected:
  // A log that is soon full.
  hub_tail() : hub_fixture(std::uint64_t{1} << 20U) { start_hub(); }
};

// A stream begins at the server's end, and what was committed before may not be captured yet.
TEST_F(hub_tail, a_stream_that_begins_ahead_of_what_is_stored_takes_nothing_from_the_others) {
  append(3);
  const auto ahead = open("", "jobs", place_of(6));
  const auto mail = open("mail");
  append(5);
  EXPECT_EQ(mail->ids.size(), 5U);
  EXPECT_EQ(ahead->ids.size(), 2U);
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(3));
}

TEST_F(hub_tail, subscribe_that_memory_has_no_room_for_goes_on_and_what_it_missed_is_counted) {
  append(100);
  const auto one = open("", "jobs", {}, requests::stream_mode::subscribe);
  const auto two = open("", "jobs", {}, requests::stream_mode::subscribe);
  append(10);
  append_unread(20'000);
  settle();
  pass_until(std::chrono::seconds(1));
  std::size_t got = 0;
  for (const auto& reader : {one, two}) {
    EXPECT_FALSE(reader->ended);
    ASSERT_FALSE(reader->rows.empty());
    EXPECT_EQ(reader->numbers().back(), 20'110);
    EXPECT_LT(reader->rows.size(), 20'010U);
    got += reader->rows.size();
  }
  EXPECT_EQ(figure("pulse_subscribe_events_dropped_total"), 40'020.0 - static_cast<double>(got));
  for (const auto& stream : hub_->status())
    EXPECT_EQ(stream.delivered + stream.dropped, 20'010U) << "each has its own count";
  append(1);
  EXPECT_EQ(one->numbers().back(), 20'111);
}

TEST_F(hub_tail, what_was_dropped_before_a_subscription_began_does_not_count) {
  append(10'000);
  const auto reader = open("", "jobs", {}, requests::stream_mode::subscribe);
  append_unread(20'000);
  settle();
  pass_until(std::chrono::seconds(1));
  EXPECT_EQ(
      static_cast<double>(reader->rows.size()) + figure("pulse_subscribe_events_dropped_total"),
      20'000);
}

}  // namespace
}  // namespace pulse::streams
