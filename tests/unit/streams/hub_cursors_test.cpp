// How far a cursor is saved, on scripted time.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

class hub_cursors : public hub_fixture {
 protected:
  hub_cursors() { start_hub(); }

  // Until what is saved after a while has been.
  void settle_saves() {
    context_.restart();
    context_.run_for(1200ms);
  }
};

TEST_F(hub_cursors, what_passes_a_stream_that_wants_nothing_of_it_moves_its_cursor_in_time) {
  const auto reader = open("mail");
  append(7, "notes");
  EXPECT_EQ(cursors_.stored.at(key("mail")), position{});
  pass_until(10s);
  EXPECT_EQ(cursors_.stored.at(key("mail")), log_.bounds().last_at);
  EXPECT_TRUE(reader->ids.empty());
}

TEST_F(hub_cursors, project_keeps_so_many_names_and_refuses_new_ones) {
  limits_.names_max = 2;
  hub_->use_limits(limits_);
  close(*open("one"));
  close(*open("two"));
  const auto refused = open("three")->refused;
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, errc::unavailable);
  EXPECT_NE(refused->next.find("`names`"), std::string::npos);
  EXPECT_FALSE(open("one")->refused) << "it is known";
  EXPECT_FALSE(open("")->refused);
  EXPECT_FALSE(open("", "jobs", {}, requests::stream_mode::subscribe)->refused);
  hub_->forget(key("two"), "deleted");
  EXPECT_FALSE(open("three")->refused);
}

TEST_F(hub_cursors, one_that_shuts_down_refuses_who_waits_for_a_name_and_is_held_by_nobody) {
  auto lent = std::make_shared<int>();
  const std::weak_ptr<int> kept = lent;
  hub::parts to{context_.get_executor(), served_, &relations_, &cursors_, &figures_, "shop"};
  to.keeps = std::move(lent);
  hub_ = std::make_unique<hub>(std::move(to), limits_);
  cursors_.answers_opens = false;
  const auto is_new = open("new");
  close(*open("moving"));
  const auto never_told = hub_->move(key("moving"), "moved");
  const auto waiting = open("moving");
  EXPECT_FALSE(waiting->refused);

  bool saved = false;
  hub_->shut_down(end_reason::project_removed, "the project was removed", [&] { saved = true; });
  settle_saves();
  EXPECT_TRUE(saved);
  for (const auto& one : {is_new, waiting}) {
    ASSERT_TRUE(one->refused);
    EXPECT_EQ(one->refused->what, "the project was removed");
    EXPECT_EQ(one->ended, end_reason::project_removed);
  }
  cursors_.answer();
  hub_.reset();
  settle();
  EXPECT_TRUE(kept.expired());
}

TEST_F(hub_cursors, acknowledgement_out_of_order_counts_on_every_connection_after) {
  const auto first = open("mail");
  append(5);
  for (std::size_t i = 1; i < 5; ++i) acknowledge(*first, i);
  close(*first);
  for (int connection = 2; connection < 5; ++connection) {
    const auto next = open("mail");
    EXPECT_EQ(next->numbers(), std::vector<int>{1}) << connection;
    close(*next);
  }
  const auto last = open("mail");
  acknowledge(*last, 0);
  append(1);
  EXPECT_EQ(last->numbers(), (std::vector<int>{1, 6}));
  acknowledge(*last, 1);
  close(*last);
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(6));
}

TEST_F(hub_cursors, cursor_of_a_name_in_use_that_is_not_stored_any_more_is_stored_anew) {
  const auto reader = open("mail");
  cursors_.stored.clear();
  append(3);
  acknowledge_all(*reader);
  settle_saves();
  EXPECT_EQ(cursors_.stored[key("mail")], place_of(3));
}

TEST_F(hub_cursors, deleted_cursor_is_not_stored_anew) {
  const auto reader = open("mail");
  append(3);
  acknowledge_all(*reader);
  cursors_.stored.clear();
  hub_->forget(key("mail"), "deleted");
  settle_saves();
  EXPECT_TRUE(cursors_.stored.empty());
}

TEST_F(hub_cursors, retention_waits_until_a_name_that_is_not_stored_any_more_is_again) {
  hub_->close(open("mail")->stream);
  settle_saves();
  append(3, "notes");
  cursors_.stored.clear();
  std::optional<bool> made;
  hub_->make_way(place_of(2), [&](bool way) { made = way; });
  settle();
  EXPECT_EQ(made, false);
  settle_saves();
  EXPECT_TRUE(cursors_.stored.contains(key("mail")));
  hub_->make_way(place_of(2), [&](bool way) { made = way; });
  settle();
  EXPECT_EQ(made, true);
}

TEST_F(hub_cursors, every_start_of_an_unnamed_stream_is_counted) {
  open("mail");
  open("", "jobs", {}, requests::stream_mode::subscribe);
  EXPECT_EQ(figure("pulse_unnamed_streams_started_total"), 0);
  hub_->close(open("")->stream);
  open("");
  EXPECT_EQ(figure("pulse_unnamed_streams_started_total"), 2);
}

TEST_F(hub_cursors, names_without_a_lag_of_their_own_are_counted) {
  for (int i = 0; i < 1003; ++i) hub_->know({key(std::to_string(i)), {}, clock_.now()});
  pass_until(1s);
  EXPECT_EQ(figure("pulse_stream_lags_left_out"), 3);
  hub_->forget(key("7"), "deleted");
  pass_until(2s);
  EXPECT_EQ(figure("pulse_stream_lags_left_out"), 2);
}

TEST_F(hub_cursors, lag_counts_from_where_a_promotion_has_left_the_cursors_timeline) {
  hub_->use_history({1, {{0, lsn{1001}}}});
  hub_->know({key("mail"), {0, lsn{5000}, lsn{5000}, 0}, clock_.now()});
  append(3);
  pass_until(1s);
  EXPECT_EQ(figure("pulse_stream_lag_bytes"), 2);
}

TEST_F(hub_cursors, name_whose_cursor_was_moved_goes_on_there) {
  const auto before = open("mail");
  append(5);
  const auto moved = hub_->move(key("mail"), "moved");
  EXPECT_EQ(before->ended, end_reason::cursor_moved);
  const auto meanwhile = open("mail");
  EXPECT_EQ(meanwhile->stream, filters::stream_id{}) << "it waits";
  moved(place_of(3));
  settle();
  EXPECT_EQ(meanwhile->numbers(), (std::vector<int>{4, 5}));
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(3));
}

TEST_F(hub_cursors, name_whose_cursor_could_not_be_moved_goes_on_where_it_was) {
  const auto before = open("mail");
  append(5);
  acknowledge(*before, 0);
  const auto moved = hub_->move(key("mail"), "moved");
  const auto meanwhile = open("mail");
  moved(error{errc::io, "the disk is gone"});
  settle();
  EXPECT_EQ(meanwhile->numbers(), (std::vector<int>{2, 3, 4, 5}));
}

TEST_F(hub_cursors, of_two_moves_at_once_the_later_one_counts) {
  open("mail");
  append(5);
  const auto first = hub_->move(key("mail"), "moved");
  const auto second = hub_->move(key("mail"), "moved");
  first(place_of(1));
  const auto reader = open("mail");
  EXPECT_TRUE(reader->rows.empty()) << "the second is under way";
  second(place_of(4));
  settle();
  EXPECT_EQ(reader->numbers(), (std::vector<int>{5}));
}

TEST_F(hub_cursors, name_that_is_deleted_while_it_is_moved_is_gone) {
  open("mail");
  append(5);
  const auto moved = hub_->move(key("mail"), "moved");
  const auto waiting = open("mail");
  hub_->forget(key("mail"), "deleted");
  cursors_.stored.clear();
  moved(place_of(1));
  settle();
  EXPECT_TRUE(waiting->refused);
  EXPECT_EQ(hub_->cursor(key("mail")), position{});
  EXPECT_TRUE(open("mail")->rows.empty()) << "a new name";
}

}  // namespace
}  // namespace pulse::streams
