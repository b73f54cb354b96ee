// Streams that come to stored events which cannot be read: held until the loss is recorded, told of
// it, and served everything else in its order.
#include "tests/unit/streams/hub_fixture.hpp"
#include "tests/unit/streams/unreadable_log.hpp"

namespace pulse::streams {
namespace {

class hub_damage : public hub_fixture {
 protected:
  hub_damage() {
    served_ = &broken_;
    on_damage_ = [this](const log::damaged_stretch& lost, std::function<void(result<void>)> done) {
      asked_.push_back(lost);
      recorded_ = std::move(done);
    };
    start_hub();
  }

  table_id table(const std::string& name) { return relations_.describe(shape(name))->table; }

  // The events of these numbers and between, where the index knows of events of these tables only.
  void damage(std::uint32_t first, std::uint32_t last, std::vector<table_id> tables = {}) {
    broken_.damaged = log::damaged_stretch{place_of(first - 1), place_of(last), last - first + 1,
                                           std::move(tables), "segment 7"};
  }

  control::stored_gap gap_of_damage() const {
    control::stored_gap one;
    one.id = 7;
    one.what.kind = gap_kind::damaged;
    one.what.after = broken_.damaged->after;
    one.what.through = broken_.damaged->through;
    one.what.tables = broken_.damaged->tables;
    return one;
  }
  // As the program does it: the hub knows the gap when it hears that it is recorded.
  void record(bool accepted = false) {
    if (accepted) {
      accept();
    } else {
      hub_->use_gaps({gap_of_damage()});
    }
    answer({});
  }
  void answer(const result<void>& recorded) {
    ASSERT_TRUE(recorded_) << "nobody has asked for anything to be recorded";
    std::exchange(recorded_, nullptr)(recorded);
    settle();
  }
  void accept() { use_gap(accepted(gap_of_damage())); }
  bool refused_with_the_gap(const std::string& name, const std::string& table = "jobs") {
    const auto refused = open(name, table)->refused;
    return refused && refused->code == errc::gap && hub_->gap_of(key(name, table));
  }

  using numbers = std::vector<int>;
  unreadable_log broken_{log_};
  std::vector<log::damaged_stretch> asked_;
  std::function<void(result<void>)> recorded_;
};

TEST_F(hub_damage, a_name_that_catches_up_is_told_of_it_and_misses_nothing_else) {
  hub_->know({key("mail"), place_of(0)});
  append(10);
  damage(4, 6, {table("jobs")});
  const auto reader = open("mail");
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3}));
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].after, place_of(3));
  EXPECT_EQ(asked_[0].through, place_of(6));
  acknowledge_all(*reader);
  EXPECT_FALSE(reader->ended) << "held until it is recorded";
  record();
  EXPECT_FALSE(broken_.passed().empty());
  EXPECT_EQ(reader->ended, end_reason::gap);
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3}));
  EXPECT_TRUE(refused_with_the_gap("mail"));
  accept();
  EXPECT_EQ(open("mail")->numbers(), (numbers{7, 8, 9, 10}));
}

TEST_F(hub_damage, accepted_while_events_are_in_hand_a_stream_goes_on_as_it_is) {
  hub_->know({key("mail"), place_of(0)});
  append(10);
  damage(4, 6);
  const auto reader = open("mail");
  record();
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3})) << "barred until it is accepted";
  accept();
  append(2);
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3, 7, 8, 9, 10, 11, 12}));
  acknowledge_all(*reader);
  EXPECT_FALSE(reader->ended);
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(12));
}

TEST_F(hub_damage, where_the_project_goes_on_by_itself_streams_are_held_no_longer_than_recording) {
  hub_->know({key("mail"), place_of(0)});
  append(10);
  damage(4, 6);
  const auto reader = open("mail");
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3}));
  record(true);
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3, 7, 8, 9, 10}));
  EXPECT_FALSE(reader->ended);
}

TEST_F(hub_damage, what_is_acknowledged_while_held_moves_the_cursor_and_no_further) {
  hub_->know({key("mail"), place_of(0)});
  append(10);
  damage(4, 6);
  const auto reader = open("mail");
  acknowledge(*reader, 0);
  acknowledge(*reader, 1);
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(2));
  acknowledge(*reader, 2);
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(3)) << "what is damaged has not been dealt with";
  hub_->close(reader->stream);
  settle();
  record();
  EXPECT_EQ(cursors_.stored.at(key("mail")), place_of(3));
  EXPECT_TRUE(refused_with_the_gap("mail"));
}

TEST_F(hub_damage, on_the_tail_only_the_streams_of_its_tables_are_held) {
  const auto jobs = open("mail", "jobs");
  const auto notes = open("mail", "notes");
  damage(3, 4, {table("jobs")});
  append_unread(1, "jobs");
  append_unread(1, "notes");
  append_unread(2, "jobs");
  append_unread(1, "notes");
  append(1, "jobs");
  EXPECT_EQ(jobs->numbers(), numbers{1});
  EXPECT_EQ(notes->numbers(), (numbers{2, 5}));
  append(1, "notes");
  append(1, "jobs");
  EXPECT_EQ(jobs->numbers(), numbers{1}) << "held";
  EXPECT_EQ(notes->numbers(), (numbers{2, 5, 7}));
  record();
  append(1, "notes");
  append(1, "jobs");
  EXPECT_EQ(jobs->numbers(), numbers{1}) << "barred";
  EXPECT_EQ(notes->numbers(), (numbers{2, 5, 7, 9}));
  acknowledge_all(*notes);
  EXPECT_FALSE(notes->ended);
  accept();
  append(1, "jobs");
  EXPECT_EQ(jobs->numbers(), (numbers{1, 6, 8, 10, 11}));
  append(1, "notes");
  EXPECT_EQ(notes->numbers(), (numbers{2, 5, 7, 9, 12}));
  EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(hub_damage, names_of_other_tables_that_stand_before_it_are_served_over_it) {
  for (const auto* const model : {"jobs", "notes"}) hub_->know({key("mail", model), place_of(0)});
  append(2, "notes");
  append(2, "jobs");
  append(2, "notes");
  damage(3, 4, {table("jobs")});
  const auto jobs = open("mail", "jobs");
  record();
  EXPECT_TRUE(refused_with_the_gap("mail", "jobs"));
  const auto notes = open("mail", "notes");
  EXPECT_EQ(notes->numbers(), (numbers{1, 2, 5, 6}));
  acknowledge_all(*notes);
  EXPECT_FALSE(notes->ended);
  EXPECT_FALSE(hub_->gap_of(key("mail", "notes")));
}

TEST_F(hub_damage, a_stretch_that_several_streams_come_to_is_recorded_once) {
  const auto one = open("one");
  const auto two = open("two");
  damage(2, 3);
  append_unread(4);
  settle();
  EXPECT_EQ(asked_.size(), 1U);
  record();
  EXPECT_EQ(asked_.size(), 1U);
  for (const auto& each : {one, two}) {
    EXPECT_EQ(each->numbers(), numbers{1});
    acknowledge_all(*each);
    EXPECT_EQ(each->ended, end_reason::gap);
  }
}

TEST_F(hub_damage, a_standby_that_takes_over_a_held_name_is_held_and_told_too) {
  const auto first = open("mail");
  const auto second = open("mail");
  damage(2, 3);
  append(4);
  EXPECT_EQ(first->numbers(), numbers{1});
  hub_->close(first->stream);
  settle();
  EXPECT_EQ(second->numbers(), numbers{1});
  record();
  EXPECT_FALSE(second->ended);
  acknowledge_all(*second);
  EXPECT_EQ(second->ended, end_reason::gap);
  EXPECT_EQ(second->numbers(), numbers{1});
}

TEST_F(hub_damage, a_stream_without_room_comes_to_it_when_it_has_some) {
  limits_.window_events_max = 2;
  start_hub();
  const auto reader = open("mail");
  damage(4, 6);
  append(10);
  EXPECT_EQ(reader->numbers(), (numbers{1, 2}));
  EXPECT_TRUE(asked_.empty());
  acknowledge_all(*reader);
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3}));
  ASSERT_EQ(asked_.size(), 1U);
  record(true);
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3, 7, 8}));
  acknowledge_all(*reader);
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3, 7, 8, 9, 10}));
}

TEST_F(hub_damage, an_unnamed_stream_ends_there_and_starts_anew_behind_it) {
  const auto unnamed = open("");
  damage(2, 3);
  append(3);
  EXPECT_EQ(unnamed->numbers(), numbers{1});
  record();
  EXPECT_FALSE(unnamed->ended) << "what is in hand is waited for";
  acknowledge_all(*unnamed);
  EXPECT_EQ(unnamed->ended, end_reason::gap);
  const auto again = open("", "jobs", place_of(1));
  append(1);
  EXPECT_EQ(again->numbers(), numbers{4});
  EXPECT_FALSE(again->ended);
}

TEST_F(hub_damage, a_subscription_goes_on_behind_it_when_it_is_recorded) {
  const auto subscription = open("", "jobs", {}, requests::stream_mode::subscribe);
  damage(2, 3);
  append(5);
  EXPECT_EQ(subscription->numbers(), numbers{1});
  record();
  append(1);
  EXPECT_EQ(subscription->numbers(), (numbers{1, 4, 5, 6}));
  EXPECT_FALSE(subscription->ended);
}

TEST_F(hub_damage, that_cannot_be_recorded_ends_its_streams_and_is_asked_for_again) {
  const auto reader = open("mail");
  damage(2, 3);
  append(5);
  acknowledge_all(*reader);
  answer(error{errc::io, "the state database is gone", {}});
  EXPECT_EQ(reader->ended, end_reason::failure);
  EXPECT_NE(reader->said.find("the state database is gone"), std::string::npos) << reader->said;
  EXPECT_TRUE(broken_.passed().empty()) << "nothing is passed that nobody knows of";
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(1));
  const auto again = open("mail");
  EXPECT_EQ(asked_.size(), 2U);
  record(true);
  EXPECT_EQ(again->numbers(), (numbers{4, 5}));
}

TEST_F(hub_damage, a_disk_that_fails_to_read_ends_the_stream_and_loses_it_nothing) {
  hub_->know({key("mail"), place_of(0)});
  append(10);
  damage(4, 6);
  broken_.disk_fails = true;
  const auto reader = open("mail");
  EXPECT_EQ(reader->numbers(), (numbers{1, 2, 3}));
  EXPECT_EQ(reader->ended, end_reason::failure);
  EXPECT_EQ(open("mail")->numbers(), (numbers{1, 2, 3})) << "nothing was acknowledged";
  EXPECT_EQ(figure("pulse_log_read_failures_total"), 2);
  EXPECT_TRUE(asked_.empty()) << "it is no damage";
  broken_.disk_fails = false;
  broken_.damaged.reset();
  const auto again = open("mail");
  EXPECT_EQ(again->numbers(), (numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_FALSE(again->ended);
}

TEST_F(hub_damage, a_disk_that_fails_to_read_on_the_tail_ends_only_who_needs_what_is_there) {
  const auto jobs = open("mail", "jobs");
  const auto notes = open("mail", "notes");
  const auto subscription = open("", "notes", {}, requests::stream_mode::subscribe);
  damage(2, 2, {table("jobs")});
  broken_.disk_fails = true;
  append_unread(1, "jobs");
  append_unread(1, "jobs");
  append(1, "notes");
  EXPECT_EQ(jobs->ended, end_reason::failure);
  append(1, "notes");
  EXPECT_EQ(notes->numbers(), (numbers{3, 4}));
  EXPECT_EQ(subscription->numbers(), (numbers{3, 4}));
  EXPECT_FALSE(notes->ended);
  EXPECT_FALSE(subscription->ended);
  EXPECT_EQ(figure("pulse_log_read_failures_total"), 2) << "the tail's, and that of the stream";
  broken_.disk_fails = false;
  broken_.damaged.reset();
  EXPECT_EQ(open("mail", "jobs")->numbers(), (numbers{1, 2}));
}

TEST_F(hub_damage, a_disk_that_fails_for_the_tail_alone_ends_nobody) {
  const auto jobs = open("mail", "jobs");
  const auto notes = open("mail", "notes");
  damage(2, 2, {table("others")});
  broken_.disk_fails = true;
  append_unread(1, "jobs");
  append_unread(1, "others");
  append(1, "notes");
  EXPECT_EQ(jobs->numbers(), numbers{1});
  EXPECT_EQ(notes->numbers(), numbers{3});
  EXPECT_FALSE(jobs->ended);
  EXPECT_EQ(figure("pulse_log_read_failures_total"), 1);
}

TEST_F(hub_damage, a_stream_that_leaves_while_held_leaves_nothing_behind) {
  const auto reader = open("");
  damage(1, 1);
  append(2);
  hub_->close(reader->stream);
  settle();
  record();
  append(1);
  EXPECT_TRUE(reader->numbers().empty());
  EXPECT_FALSE(reader->ended);
  EXPECT_EQ(figure("pulse_streams_open"), 0);
}

}  // namespace
}  // namespace pulse::streams
