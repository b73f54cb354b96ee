// Streams and gaps in the stored history: nothing from behind one is delivered before it is
// accepted, and what never happened is delivered to nobody.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

class hub_gaps : public hub_fixture {
 protected:
  hub_gaps() { start_hub(); }

  static position place(std::uint32_t timeline, std::uint64_t at) {
    return {timeline, lsn{at}, {}, 0};
  }

  std::shared_ptr<recorder> open(const std::string& name, const position& start = {},
                                 requests::stream_mode mode = requests::stream_mode::stream) {
    return hub_fixture::open(name, "jobs", start, mode);
  }
  std::optional<errc> refused(const std::string& name) {
    const auto one = open(name);
    return one->refused ? std::optional(one->refused->code) : std::nullopt;
  }

  void append(std::uint32_t timeline, std::uint64_t at, const std::string& row) {
    append_unread(timeline, at, row);
    settle();
  }
  void append_unread(std::uint32_t timeline, std::uint64_t at, const std::string& row) {
    insert_unread(shape("jobs"), {timeline, lsn{at}, lsn{at}, 0}, {row});
  }

  static control::stored_gap gap(gap_kind kind, const position& after,
                                 const std::optional<position>& through) {
    control::stored_gap one;
    one.id = 7;
    one.what.kind = kind;
    one.what.after = after;
    one.what.through = through;
    return one;
  }
  void tell(const control::stored_gap& one) { use_gap(one); }
  void accept(const control::stored_gap& one) { use_gap(accepted(one)); }

  using rows = std::vector<std::string>;
  const control::stored_gap missing_ = gap(gap_kind::slot_missing, place(1, 1500), place(1, 2000));
};

TEST_F(hub_gaps, an_open_stream_is_served_up_to_the_gap_and_ends_when_all_is_acknowledged) {
  const auto reader = open("mail");
  append(1, 1000, "before");
  tell(missing_);
  append(1, 2100, "behind");
  EXPECT_EQ(reader->rows, rows{"before"});
  EXPECT_FALSE(reader->ended) << "what is in hand is waited for";
  EXPECT_GE(reader->waits, 1) << "and it is told so";
  acknowledge_all(*reader);
  EXPECT_EQ(reader->ended, end_reason::gap);
  EXPECT_EQ(reader->rows, rows{"before"});
}

TEST_F(hub_gaps, a_stream_that_has_everything_ends_at_once) {
  const auto reader = open("mail");
  append(1, 1000, "before");
  acknowledge_all(*reader);
  tell(missing_);
  EXPECT_EQ(reader->ended, end_reason::gap);
}

TEST_F(hub_gaps, a_name_with_nothing_left_before_the_gap_is_refused_with_it) {
  const auto reader = open("mail");
  append(1, 1000, "before");
  acknowledge_all(*reader);
  tell(missing_);
  EXPECT_EQ(refused("mail"), errc::gap);
  ASSERT_TRUE(hub_->gap_of(key("mail")));
  EXPECT_EQ(hub_->gap_of(key("mail"))->id, 7U);
}

TEST_F(hub_gaps, a_name_with_something_left_before_the_gap_gets_it_first) {
  hub_->know({key("mail"), place(1, 900)});
  append(1, 1000, "before");
  tell(missing_);
  append(1, 2100, "behind");
  const auto reader = open("mail");
  ASSERT_FALSE(reader->refused);
  EXPECT_EQ(reader->rows, rows{"before"});
  acknowledge_all(*reader);
  EXPECT_EQ(reader->ended, end_reason::gap);
  EXPECT_EQ(refused("mail"), errc::gap);
}

TEST_F(hub_gaps, accepted_a_name_goes_on_behind_it) {
  hub_->know({key("mail"), place(1, 1500)});
  tell(missing_);
  append(1, 2100, "behind");
  EXPECT_EQ(refused("mail"), errc::gap);
  accept(missing_);
  EXPECT_EQ(open("mail")->rows, rows{"behind"});
}

TEST_F(hub_gaps, accepted_a_stream_that_still_has_something_in_hand_goes_on_as_it_is) {
  const auto reader = open("mail");
  append(1, 1000, "before");
  tell(missing_);
  append(1, 2100, "behind");
  accept(missing_);
  EXPECT_EQ(reader->rows, (rows{"before", "behind"}));
  acknowledge_all(*reader);
  EXPECT_FALSE(reader->ended);
}

TEST_F(hub_gaps, a_gap_whose_end_is_not_known_bars_names_and_keeps_new_ones_waiting) {
  hub_->know({key("mail"), place(1, 1500)});
  const auto unnamed = open("");
  const auto subscription = open("", {}, requests::stream_mode::subscribe);
  tell(gap(gap_kind::slot_missing, place(1, 1500), std::nullopt));
  EXPECT_EQ(refused("mail"), errc::gap);
  EXPECT_EQ(refused("new"), errc::unavailable);
  EXPECT_FALSE(unnamed->ended) << "it would come back and not know where to start";
  tell(missing_);
  EXPECT_EQ(unnamed->ended, end_reason::gap);
  EXPECT_FALSE(subscription->ended);
}

TEST_F(hub_gaps, new_names_and_unnamed_streams_start_behind_it) {
  tell(missing_);
  EXPECT_EQ(refused("new"), errc::unavailable) << "capture has not come over it";
  ASSERT_TRUE(log_.cover(1, lsn{2000}));
  const auto fresh = open("new", place(1, 1800));
  const auto unnamed = open("", place(1, 1800));
  append(1, 2100, "behind");
  EXPECT_EQ(fresh->rows, rows{"behind"});
  EXPECT_EQ(unnamed->rows, rows{"behind"});
}

TEST_F(hub_gaps, events_that_never_happened_are_delivered_to_nobody_also_when_accepted) {
  append(1, 1000, "common");
  append(1, 1600, "lost branch");
  hub_->know({key("mail"), place(1, 900)});
  const auto fork = gap(gap_kind::forked, place(1, 1500), place(2, 1500));
  tell(fork);
  append(2, 1600, "new branch");
  const auto reader = open("mail");
  EXPECT_EQ(reader->rows, rows{"common"});
  accept(fork);
  EXPECT_EQ(reader->rows, (rows{"common", "new branch"}));
}

TEST_F(hub_gaps, events_that_never_happened_do_not_reach_those_that_keep_up_either) {
  const auto reader = open("mail");
  const auto untracked = open("", {}, requests::stream_mode::subscribe);
  append_unread(1, 1600, "lost branch");
  accept(gap(gap_kind::forked, place(1, 1500), place(2, 1500)));
  append(2, 1600, "new branch");
  EXPECT_EQ(reader->rows, rows{"new branch"});
  EXPECT_EQ(untracked->rows, rows{"new branch"});
}

TEST_F(hub_gaps, a_name_that_had_events_that_never_happened_is_refused) {
  const auto reader = open("mail");
  append(1, 1600, "lost branch");
  acknowledge_all(*reader);
  const auto fork = gap(gap_kind::forked, place(1, 1500), place(2, 1500));
  tell(fork);
  EXPECT_EQ(reader->ended, end_reason::gap);
  EXPECT_EQ(refused("mail"), errc::gap);
  append(2, 1550, "new branch");
  accept(fork);
  EXPECT_EQ(open("mail")->rows, rows{"new branch"});
}

TEST_F(hub_gaps, a_standby_takes_over_what_is_left_and_ends_at_the_gap_too) {
  const auto first = open("mail");
  const auto second = open("mail");
  append(1, 1000, "before");
  tell(missing_);
  close(*first);
  EXPECT_EQ(second->rows, rows{"before"});
  acknowledge_all(*second);
  EXPECT_EQ(second->ended, end_reason::gap);
}

}  // namespace
}  // namespace pulse::streams
