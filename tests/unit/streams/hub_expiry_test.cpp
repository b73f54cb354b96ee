// What retention and age take away from named streams.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

class hub_expiry : public hub_fixture {
 protected:
  hub_expiry() { start_hub(); }

  // A consumer of the name was there and has gone.
  void make_name(const std::string& name, const std::string& table = "jobs") {
    const auto one = open(name, table);
    hub_->close(one->stream);
    settle();
  }

  // Retention as the program does it. False: nothing was dropped, because cursors could not be
  // saved.
  bool drop_through(const position& through) {
    std::optional<bool> made;
    hub_->make_way(through, [&](bool way) { made = way; });
    settle();
    if (!made.value_or(false)) return false;
    log::retention_policy policy;
    policy.bytes_max = 1;
    policy.through_max = through;
    EXPECT_TRUE(log_.trim(policy, unix_time_us{}));
    return true;
  }

  void restart(bool abandoned = false) {
    const auto stored = cursors_.stored;
    hub_.reset();
    start_hub();
    for (const auto& [key, at] : stored) hub_->know({key, at, clock_.now(), abandoned});
  }
};

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

TEST_F(hub_expiry, name_that_nobody_uses_is_abandoned_and_says_so) {
  limits_.abandoned_after = 24h * 30;
  start_hub();
  make_name("old");
  const auto used = open("used");
  clock_.at += 24h * 31;
  pass_until(1s);
  pass_until(599s);
  EXPECT_TRUE(cursors_.marks.empty()) << "whoever was connected may come back first";
  pass_until(602s);
  EXPECT_EQ(cursors_.marks, (std::map<cursor_key, bool>{{key("old"), true}}));
  EXPECT_EQ(figure("pulse_cursors_abandoned_total"), 1);
  EXPECT_EQ(hub_->condition(key("old"), {}), cursor_condition::abandoned);
  const auto refused = open("old")->refused;
  ASSERT_TRUE(refused);
  EXPECT_NE(refused->what.find("30 days"), std::string::npos) << refused->what;
  restart(true);
  EXPECT_TRUE(open("old")->refused);
}

TEST_F(hub_expiry, abandoned_name_comes_back_where_the_project_says_so) {
  limits_.on_expired = when_expired::earliest;
  start_hub();
  make_name("old");
  append(3);
  restart(true);
  const auto back = open("old");
  EXPECT_FALSE(back->refused);
  EXPECT_EQ(back->ids.size(), 3U) << "its events are kept";
  EXPECT_EQ(cursors_.marks, (std::map<cursor_key, bool>{{key("old"), false}}));
}

}  // namespace
}  // namespace pulse::streams
