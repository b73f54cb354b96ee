// Streams end where events must not be delivered yet, whatever way they read.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

class hub_visibility : public hub_fixture {
 protected:
  hub_visibility() {
    hub_ =
        std::make_unique<hub>(hub::parts{context_.get_executor(), served_, &relations_, &cursors_,
                                         &figures_, "shop", &clock_, on_damage_, &end_},
                              limits_);
  }
  // Events through this one may be delivered.
  void let_through(std::uint32_t number) {
    end_.move(place_of(number));
    hub_->progress();
    settle();
  }
  void use_gap_behind_the_second() {
    control::stored_gap gap;
    gap.id = 7;
    gap.what.kind = gap_kind::slot_missing;
    gap.what.after = place_of(2);
    gap.what.through = place_of(10);
    use_gap(gap);
  }
  using numbers = std::vector<int>;

  log::readable_end end_;
};

TEST_F(hub_visibility, streams_that_keep_up_get_events_when_they_may) {
  const auto named = open("mail");
  const auto now = open("", "jobs", {}, requests::stream_mode::subscribe);
  append(3);
  EXPECT_TRUE(named->rows.empty());
  EXPECT_TRUE(now->rows.empty());
  let_through(2);
  EXPECT_EQ(named->numbers(), (numbers{1, 2}));
  EXPECT_EQ(now->numbers(), (numbers{1, 2}));
  append(1);
  let_through(4);
  EXPECT_EQ(named->numbers(), (numbers{1, 2, 3, 4}));
  EXPECT_EQ(now->numbers(), (numbers{1, 2, 3, 4}));
}

TEST_F(hub_visibility, a_place_behind_all_events_is_passed_when_these_may_be_delivered) {
  const auto named = open("mail");
  append(2);
  ASSERT_TRUE(log_.cover(1, lsn{5000}));
  bool passed = false;
  hub_->when_passed(named->stream, {1, lsn{5000}, {}, 0}, [&] { passed = true; });
  let_through(1);
  EXPECT_FALSE(passed);
  let_through(2);
  EXPECT_EQ(named->numbers(), (numbers{1, 2}));
  EXPECT_TRUE(passed) << "without another event";
}

TEST_F(hub_visibility, streams_that_catch_up_get_no_more_than_those_that_keep_up) {
  const auto first = open("first", "jobs", position{});
  append(5);
  let_through(3);
  const auto second = open("second", "jobs", position{});
  EXPECT_EQ(second->numbers(), (numbers{1, 2, 3}));
  acknowledge_all(*second);
  close(*second);
  const auto again = open("second", "jobs", position{});
  EXPECT_TRUE(again->rows.empty());
  let_through(5);
  EXPECT_EQ(again->numbers(), (numbers{4, 5}));
  EXPECT_EQ(first->numbers(), (numbers{1, 2, 3, 4, 5}));
}

TEST_F(hub_visibility, a_stream_that_finds_nothing_of_its_own_takes_nothing_from_the_others) {
  append(1, "notes");
  let_through(1);
  append(2, "jobs");
  const auto notes = open("notes", "notes", position{});
  EXPECT_EQ(notes->numbers(), numbers{1});
  const auto jobs = open("jobs", "jobs", position{});
  const auto ahead = open("ahead", "notes", place_of(40));
  EXPECT_TRUE(jobs->rows.empty());
  append(1, "notes");
  let_through(4);
  EXPECT_EQ(jobs->numbers(), (numbers{2, 3}));
  EXPECT_EQ(notes->numbers(), (numbers{1, 4}));
  EXPECT_TRUE(ahead->rows.empty());
}

TEST_F(hub_visibility, events_before_a_gap_are_waited_for_before_a_stream_ends_there) {
  const auto reader = open("mail", "jobs", position{});
  append(2);
  use_gap_behind_the_second();
  insert_unread(shape("jobs"), place_of(20), {"behind"});
  settle();
  EXPECT_FALSE(reader->ended);
  let_through(1);
  EXPECT_EQ(reader->numbers(), numbers{1});
  acknowledge_all(*reader);
  EXPECT_FALSE(reader->ended) << "the second one may not be delivered yet";
  let_through(2);
  EXPECT_EQ(reader->numbers(), (numbers{1, 2}));
  let_through(20);
  acknowledge_all(*reader);
  EXPECT_EQ(reader->ended, end_reason::gap);
  EXPECT_EQ(reader->rows.size(), 2U);
}

TEST_F(hub_visibility, a_stream_with_nothing_stored_before_a_gap_ends_there_at_once) {
  const auto reader = open("mail", "jobs", position{});
  append(1);
  append(1, "notes");
  let_through(1);
  acknowledge_all(*reader);
  use_gap_behind_the_second();
  EXPECT_EQ(reader->ended, end_reason::gap);
}

}  // namespace
}  // namespace pulse::streams
