// What retention and age take away from named streams.
#include "tests/unit/streams/hub_expiry.hpp"

#include "tests/unit/streams/unreadable_log.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

// Names that stand before a gap when retention passes it: whatever becomes of the events around it,
// nobody goes on behind it untold.
class hub_expiry_at_gaps : public hub_expiry, public ::testing::WithParamInterface<gap_traits> {
 protected:
  // Between the events of these numbers something is missing.
  control::stored_gap gap_between(std::uint32_t before, std::uint32_t behind,
                                  std::vector<table_id> tables = {}) const {
    control::stored_gap one;
    one.id = 7;
    one.what.kind = GetParam().kind;
    one.what.after = place_of(before);
    one.what.through = just_before(place_of(behind));
    one.what.tables = std::move(tables);
    one.what.reason = "the reason";
    return one;
  }
  void accept(const control::stored_gap& one) { use_gap(accepted(one)); }
  // Ten events of a busy table before the gap, ten behind it.
  void make_history(const control::stored_gap& gap) {
    append(10, "jobs");
    hub_->use_gaps({gap});
    append(10, "jobs");
  }
  bool refused_with_the_gap(const cursor_key& name) {
    const auto refused = open(name.name, name.table.name)->refused;
    return refused && refused->code == errc::gap && hub_->gap_of(name) &&
           refused->what.find("gap 7 blocks") != std::string::npos;
  }
};

INSTANTIATE_TEST_SUITE_P(of_every_kind, hub_expiry_at_gaps,
                         ::testing::ValuesIn(all_gap_kinds().begin(), all_gap_kinds().end()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(hub_expiry_at_gaps, quiet_name_before_a_gap_that_retention_passes_is_refused_with_it) {
  make_name("quiet", "notes");
  const auto gap = gap_between(10, 11);
  make_history(gap);
  ASSERT_TRUE(drop_through(place_of(15)));
  EXPECT_TRUE(refused_with_the_gap(key("quiet", "notes")));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 1);
  restart();
  hub_->use_gaps({gap});
  EXPECT_TRUE(refused_with_the_gap(key("quiet", "notes"))) << "after a restart, too";
  accept(gap);
  const auto refused = open("quiet", "notes")->refused;
  ASSERT_TRUE(refused) << "its place is gone";
  EXPECT_NE(refused->next.find("pulse streams seek"), std::string::npos) << refused->next;
}

TEST_P(hub_expiry_at_gaps, name_that_goes_on_by_itself_when_expired_is_refused_with_the_gap_first) {
  limits_.on_expired = when_expired::earliest;
  start_hub();
  make_name("behind");
  make_name("quiet", "notes");
  const auto gap = gap_between(10, 11);
  make_history(gap);
  append(1, "notes");
  ASSERT_TRUE(drop_through(place_of(15)));
  EXPECT_TRUE(refused_with_the_gap(key("behind")));
  EXPECT_TRUE(refused_with_the_gap(key("quiet", "notes")));
  accept(gap);
  EXPECT_EQ(open("behind")->ids.size(), 5U);
  EXPECT_EQ(open("quiet", "notes")->ids.size(), 1U);
}

TEST_P(hub_expiry_at_gaps, expired_name_that_goes_on_gets_what_is_kept_before_the_gap) {
  limits_.on_expired = when_expired::earliest;
  start_hub();
  make_name("behind");
  make_history(gap_between(10, 11));
  ASSERT_TRUE(drop_through(place_of(5)));
  const auto back = open("behind");
  ASSERT_FALSE(back->refused);
  EXPECT_EQ(back->ids.size(), 5U);
  acknowledge_all(*back);
  EXPECT_EQ(back->ended, end_reason::gap);
  EXPECT_TRUE(refused_with_the_gap(key("behind")));
}

TEST_P(hub_expiry_at_gaps, quiet_name_is_moved_up_to_the_gap_and_no_further) {
  make_name("quiet", "notes");
  make_history(gap_between(10, 11));
  ASSERT_TRUE(drop_through(place_of(10)));
  EXPECT_EQ(hub_->cursor(key("quiet", "notes")), place_of(10));
  EXPECT_TRUE(refused_with_the_gap(key("quiet", "notes")));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 0);
}

TEST_P(hub_expiry_at_gaps, quiet_name_passes_what_does_not_bar_it) {
  make_name("quiet", "notes");
  const auto other = relations_.describe(shape("jobs")).value().table;
  make_history(gap_between(10, 11, {other}));
  ASSERT_TRUE(drop_through(place_of(12)));
  EXPECT_EQ(hub_->cursor(key("quiet", "notes")), place_of(12)) << "a gap of another table";
  auto gap = gap_between(10, 15);
  accept(gap);
  ASSERT_TRUE(drop_through(place_of(17)));
  EXPECT_EQ(hub_->cursor(key("quiet", "notes")), place_of(17)) << "an accepted gap";
  EXPECT_FALSE(open("quiet", "notes")->refused);
}

TEST_F(hub_expiry, abandoned_name_that_comes_back_is_refused_with_the_gap_first) {
  limits_.on_expired = when_expired::earliest;
  start_hub();
  make_name("old", "notes");
  append(4);
  restart(true);
  control::stored_gap gap;
  gap.id = 7;
  gap.what.after = place_of(2);
  gap.what.through = just_before(place_of(3));
  hub_->use_gaps({gap});
  ASSERT_TRUE(drop_through(place_of(4)));
  const auto refused = open("old", "notes")->refused;
  ASSERT_TRUE(refused);
  EXPECT_NE(refused->what.find("gap 7 blocks"), std::string::npos) << refused->what;
}

TEST_F(hub_expiry, name_that_waits_for_nothing_dropped_is_kept) {
  make_name("quiet", "notes");
  make_name("behind");
  append(10, "jobs");
  append(1, "notes");
  append(1, "jobs");
  const position through{1, lsn{1010}, lsn{1010}, 0};
  ASSERT_TRUE(drop_through(through));
  ASSERT_EQ(log_.bounds().dropped_through, through);
  EXPECT_EQ(cursors_.stored.at(key("quiet", "notes")), through) << "durable before the drop";
  EXPECT_EQ(hub_->condition(key("quiet", "notes"), hub_->cursor(key("quiet", "notes"))),
            cursor_condition::kept);
  EXPECT_EQ(open("quiet", "notes")->ids.size(), 1U);
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 1) << "that of `behind`";
}

TEST_F(hub_expiry, name_that_retention_overtakes_is_refused_and_says_what_is_gone) {
  make_name("behind");
  append(10);
  ASSERT_TRUE(drop_through({1, lsn{1005}, lsn{1005}, 0}));
  const auto refused = open("behind")->refused;
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, errc::gap);
  EXPECT_NE(refused->what.find("1:0/3ED:0/3ED:0"), std::string::npos) << refused->what;
  EXPECT_NE(refused->next.find("pulse streams seek"), std::string::npos) << refused->next;
  // Once more dropped is not counted again; a restart refuses it all the same.
  ASSERT_TRUE(drop_through({1, lsn{1007}, lsn{1007}, 0}));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 1);
  restart();
  EXPECT_TRUE(open("behind")->refused);
}

TEST_F(hub_expiry, expired_name_goes_on_with_the_oldest_event_where_the_project_says_so) {
  limits_.on_expired = when_expired::earliest;
  start_hub();
  make_name("behind");
  append(10);
  ASSERT_TRUE(drop_through({1, lsn{1005}, lsn{1005}, 0}));
  const auto back = open("behind");
  EXPECT_FALSE(back->refused);
  EXPECT_EQ(back->ids.size(), 5U);
}

TEST_F(hub_expiry, nothing_is_dropped_when_cursors_cannot_be_saved) {
  make_name("quiet", "notes");
  append(10);
  cursors_.fail_saves = true;
  EXPECT_FALSE(drop_through({1, lsn{1005}, lsn{1005}, 0}));
  cursors_.fail_saves = false;
  EXPECT_TRUE(drop_through({1, lsn{1005}, lsn{1005}, 0}));
}

class hub_expiry_on_a_failing_disk : public hub_expiry {
 protected:
  hub_expiry_on_a_failing_disk() {
    served_ = &broken_;
    start_hub();
    make_name("quiet", "notes");
    make_name("caught_up", "others");
    append(10);
    append(1, "notes");
    broken_.damaged = log::damaged_stretch{place_of(2), place_of(4), 3, {}, "segment 7"};
    broken_.disk_fails = true;
  }

  unreadable_log broken_{log_};
};

TEST_F(hub_expiry_on_a_failing_disk, nothing_is_dropped_while_it_cannot_be_read_who_waits_for_it) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(drop_through(place_of(6)));
  EXPECT_EQ(figure("pulse_log_read_failures_total"), 5);
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 0);
  broken_.disk_fails = false;
  broken_.damaged.reset();
  EXPECT_TRUE(drop_through(place_of(6)));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 0);
  EXPECT_EQ(open("quiet", "notes")->numbers(), std::vector<int>{11});
}

TEST_F(hub_expiry_on_a_failing_disk,
       one_that_never_reads_again_stops_no_retention_and_names_are_told) {
  int asked = 1;
  while (!drop_through(place_of(6)) && asked < 100) ++asked;
  EXPECT_EQ(asked, 21);
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 2);
  EXPECT_TRUE(open("quiet", "notes")->refused);
}

TEST_F(hub_expiry, damage_that_is_accepted_expires_no_quiet_name_after_a_restart) {
  unreadable_log broken(log_);
  served_ = &broken;
  start_hub();
  make_name("quiet", "notes");
  append(10);
  broken.damaged = log::damaged_stretch{place_of(2), place_of(4), 3, {}, "segment 7"};
  restart();
  control::stored_gap gap;
  gap.what.kind = gap_kind::damaged;
  gap.what.after = place_of(2);
  gap.what.through = place_of(4);
  gap.accepted_at = clock_.now();
  hub_->use_gaps({gap});
  EXPECT_TRUE(drop_through(place_of(6)));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 0);
  EXPECT_FALSE(open("quiet", "notes")->refused);
  hub_.reset();
}

TEST_F(hub_expiry, what_is_in_flight_counts_as_waited_for) {
  const auto consumer = open("working");
  append(10);
  ASSERT_EQ(consumer->ids.size(), 10U);
  for (std::size_t i = 0; i < 4; ++i) acknowledge(*consumer, i);
  ASSERT_TRUE(drop_through({1, lsn{1003}, lsn{1003}, 0}));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 0);
  ASSERT_TRUE(drop_through({1, lsn{1006}, lsn{1006}, 0}));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 1);
  // It has them, and may still acknowledge them.
  acknowledge_all(*consumer);
  hub_->close(consumer->stream);
  settle();
  EXPECT_FALSE(open("working")->refused);
}

TEST_F(hub_expiry, name_whose_cursor_was_moved_is_kept_or_expires_as_any_other) {
  make_name("quiet", "notes");
  make_name("waits");
  append(5);
  const auto end = log_.bounds().last_at;
  hub_->move(key("quiet", "notes"), "moved")(end);
  hub_->move(key("waits"), "moved")(end);
  append(5);
  ASSERT_TRUE(drop_through(place_of(8)));
  EXPECT_FALSE(open("quiet", "notes")->refused) << "nothing of its table was dropped";
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 1) << "and the other one is not silent";
  EXPECT_TRUE(open("waits")->refused);
}

TEST_F(hub_expiry, move_while_retention_looks_at_names_is_not_overwritten) {
  // More than are looked at in one turn.
  for (int i = 0; i < 200; ++i) make_name(std::to_string(i), "notes");
  append(10);
  std::optional<bool> made;
  hub_->make_way(place_of(8), [&](bool way) { made = way; });
  std::map<cursor_key, position> moved;
  for (int i = 0; i < 200; ++i) {
    const auto name = key(std::to_string(i), "notes");
    cursors_.stored[name] = moved[name] = place_of(9);
    hub_->move(name, "moved")(place_of(9));
  }
  settle();
  EXPECT_EQ(made, true);
  EXPECT_EQ(cursors_.stored, moved);
}

TEST_F(hub_expiry, stream_without_room_reads_on_behind_what_was_dropped) {
  limits_.window_events_max = 2;
  start_hub();
  const auto consumer = open("slow", "notes");
  append(3, "notes");
  append(10, "jobs");
  append(1, "notes");
  // Two in flight, the third waits for room.
  ASSERT_EQ(consumer->ids.size(), 2U);
  acknowledge_all(*consumer);
  ASSERT_EQ(consumer->ids.size(), 4U);
  ASSERT_TRUE(drop_through({1, lsn{1002}, lsn{1002}, 0}));
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 0);
  acknowledge_all(*consumer);
  append(1, "notes");
  EXPECT_EQ(consumer->ids.size(), 5U);
  EXPECT_FALSE(consumer->ended);
}

TEST_F(hub_expiry, unnamed_stream_that_retention_overtakes_ends_and_is_counted) {
  limits_.window_events_max = 2;
  start_hub();
  const auto slow = open("");
  append(10);
  ASSERT_EQ(slow->ids.size(), 2U);
  ASSERT_TRUE(drop_through(place_of(8)));
  acknowledge_all(*slow);
  EXPECT_EQ(slow->ended, end_reason::failure);
  EXPECT_EQ(figure("pulse_unnamed_streams_overtaken_total"), 1);
  EXPECT_EQ(figure("pulse_cursors_expired_total"), 0) << "there is no name to expire";
}

TEST_F(hub_expiry, what_makes_way_does_not_take_back_a_seek_of_meanwhile) {
  constexpr int names = 100;  // more than are looked at in one turn
  for (int i = 0; i < names; ++i) make_name(std::to_string(i));
  append(10, "notes");
  std::optional<bool> made;
  hub_->make_way(place_of(10), [&](bool way) { made = way; });
  ASSERT_FALSE(made) << "it is under way";
  for (int i = 0; i < names; ++i) {
    hub_->forget(key(std::to_string(i)), "somebody has moved the cursor");
    cursors_.stored[key(std::to_string(i))] = place_of(3);
  }
  settle();
  EXPECT_EQ(made, true);
  for (int i = 0; i < names; ++i)
    EXPECT_EQ(cursors_.stored[key(std::to_string(i))], place_of(3)) << i;
}

}  // namespace
}  // namespace pulse::streams
