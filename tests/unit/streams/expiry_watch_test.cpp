// Names that retention is about to take something away from.
#include "tests/unit/streams/hub_expiry.hpp"

namespace pulse::streams {
namespace {

class hub_expiry_watch : public hub_expiry {
 protected:
  double near_expiry(const position& soon) {
    hub_->look_for_expiry(soon);
    settle();
    return figure("pulse_cursors_near_expiry");
  }
};

TEST_F(hub_expiry_watch, counts_a_name_that_waits_for_what_goes_soon_until_it_has_got_it) {
  make_name("behind");
  append(10, "jobs");
  EXPECT_EQ(near_expiry(place_of(3)), 1);
  acknowledge_all(*open("behind"));
  EXPECT_EQ(near_expiry(place_of(3)), 0);
}

TEST_F(hub_expiry_watch, does_not_count_a_name_whose_next_event_stays) {
  make_name("quiet", "notes");
  append(5, "jobs");
  append(1, "notes");
  EXPECT_EQ(near_expiry(place_of(5)), 0);
  EXPECT_EQ(near_expiry(place_of(6)), 1);
}

TEST_F(hub_expiry_watch, does_not_count_a_name_that_has_expired) {
  make_name("behind");
  append(10, "jobs");
  ASSERT_TRUE(drop_through(place_of(5)));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 1);
  EXPECT_EQ(near_expiry(place_of(7)), 0);
}

TEST_F(hub_expiry_watch, counts_many_names_in_turns) {
  for (int i = 0; i < 50; ++i) make_name("name" + std::to_string(i));
  append(10, "jobs");
  EXPECT_EQ(near_expiry(place_of(3)), 50);
}

TEST_F(hub_expiry_watch, a_look_that_is_asked_for_while_another_is_under_way_is_left_out) {
  for (int i = 0; i < 50; ++i) make_name("name" + std::to_string(i));
  append(10, "jobs");
  hub_->look_for_expiry(place_of(3));
  hub_->look_for_expiry(position{});
  settle();
  EXPECT_EQ(figure("pulse_cursors_near_expiry"), 50);
}

}  // namespace
}  // namespace pulse::streams
