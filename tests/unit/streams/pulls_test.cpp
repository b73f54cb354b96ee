// Leases on scripted time: who has the name, what comes again, what is durable.
#include <gmock/gmock.h>

#include "tests/unit/streams/pulls_fixture.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class pulls_test : public pulls_fixture {
 protected:
  // A new lease on the name, with these events outstanding.
  std::string lease_with(int events) {
    const auto first = pull_new();
    EXPECT_TRUE(first->batch);
    append_more(events);
    const auto batch = pull_again(first->batch->token);
    EXPECT_EQ(batch->ids().size(), static_cast<std::size_t>(events));
    return first->batch->token;
  }
  lease_result<lease_changed> acknowledge_for(const std::string& token,
                                              const lease_acknowledgement& what) {
    lease_change made;
    made.token = token;
    made.acknowledged = what;
    return change(made);
  }
  lease_result<lease_changed> release(const std::string& token,
                                      const lease_acknowledgement& what = {}) {
    lease_change made;
    made.token = token;
    made.acknowledged = what;
    made.release = true;
    return change(made);
  }
  static lease_acknowledgement through(std::uint32_t number) { return {id_of(number), {}}; }
  static lease_acknowledgement of(std::vector<std::uint32_t> which) {
    lease_acknowledgement made;
    for (const auto number : which) made.ids.push_back(id_of(number));
    return made;
  }
};

TEST_F(pulls_test, each_pull_acknowledges_the_batch_before_it) {
  const auto token = lease_with(3);
  EXPECT_EQ(cursors_.stored.at(key("mail")), position{});
  append_more(2);
  const auto next = pull_again(token, through(3));
  EXPECT_THAT(numbers(next->ids()), ElementsAre(4, 5));
  EXPECT_TRUE(next->batch->caught_up);
  EXPECT_THAT(next->batch->repeated, IsEmpty());
  EXPECT_EQ(cursors_.stored.at(key("mail")), place_of(3)) << "durable with the answer";
  EXPECT_EQ(next->batch->lag_bytes, 2U);
}

TEST_F(pulls_test, a_lost_answer_comes_again) {
  const auto token = lease_with(2);
  const auto again = pull_again(token);
  EXPECT_THAT(numbers(again->ids()), ElementsAre(1, 2));
  EXPECT_THAT(again->batch->repeated,
              ElementsAre(outstanding_event{id_of(1), 2}, outstanding_event{id_of(2), 2}));
}

TEST_F(pulls_test, unacknowledged_ones_come_first_and_new_ones_fill_up) {
  const auto token = lease_with(4);
  append_more(2);
  const auto next = pull_with([&](auto& made) {
    made.token = token;
    made.acknowledged = of({2, 3});
    made.events_max = 3;
  });
  EXPECT_THAT(numbers(next->ids()), ElementsAre(1, 4, 5));
  EXPECT_EQ(next->batch->repeated.size(), 2U);
  // What does not fit stays outstanding.
  const auto one = pull_with([&](auto& made) {
    made.token = token;
    made.events_max = 1;
  });
  EXPECT_THAT(numbers(one->ids()), ElementsAre(1));
  ASSERT_TRUE(acknowledge_for(token, of({1, 4, 5})));
  EXPECT_THAT(numbers(pull_again(token)->ids()), ElementsAre(6));
}

TEST_F(pulls_test, a_batch_ends_at_its_events_and_at_its_bytes) {
  const auto first = pull_new();
  append_more(10);
  const auto four = pull_with([&](auto& made) {
    made.token = first->batch->token;
    made.events_max = 4;
  });
  EXPECT_EQ(four->ids().size(), 4U);
  EXPECT_FALSE(four->batch->caught_up);
  const auto size = four->batch->events->json().size();
  const auto two = pull_with([&](auto& made) {
    made.token = first->batch->token;
    made.acknowledged = through(4);
    made.bytes_max = size / 2;
  });
  EXPECT_THAT(numbers(two->ids()), ElementsAre(5, 6));
  const auto large = pull_with([&](auto& made) {
    made.token = first->batch->token;
    made.acknowledged = through(6);
    made.bytes_max = 1;
  });
  EXPECT_THAT(numbers(large->ids()), ElementsAre(7)) << "one that is larger goes alone";
}

TEST_F(pulls_test, batches_of_all_pulls_share_their_memory) {
  lease_limits_.gathered_bytes_max = 1;
  start();
  const auto first = pull_new();
  append_more(3);
  EXPECT_EQ(pull_again(first->batch->token)->ids().size(), 1U);
}

TEST_F(pulls_test, an_event_ends_the_wait) {
  const auto first = pull_new();
  const auto waits = pull_with([&](auto& made) {
    made.token = first->batch->token;
    made.wait = 20s;
  });
  EXPECT_TRUE(waits->waits());
  EXPECT_EQ(figure("pulse_pulls_waiting"), 1);
  append_more(1);
  EXPECT_THAT(numbers(waits->ids()), ElementsAre(1));
  EXPECT_EQ(figure("pulse_pulls_waiting"), 0);
}

TEST_F(pulls_test, time_ends_the_wait_with_an_empty_batch) {
  const auto waits = pull_with([&](auto& made) { made.wait = 20s; });
  pass(19s);
  EXPECT_TRUE(waits->waits());
  pass(1s);
  ASSERT_TRUE(waits->batch);
  EXPECT_THAT(waits->ids(), IsEmpty());
  EXPECT_TRUE(waits->batch->caught_up);
  EXPECT_EQ(waits->batch->expires_at, clocks_.now() + 60s);
}

TEST_F(pulls_test, a_second_holder_waits_in_the_line_and_hears_who_has_the_name) {
  const auto since = clocks_.now();
  const auto token = lease_with(1);
  const auto other = pull_with([&](auto& made) { made.wait = 10s; });
  EXPECT_TRUE(other->waits());
  pass(10s);
  ASSERT_TRUE(other->refused);
  EXPECT_EQ(other->refused->what, lease_problem::busy);
  ASSERT_TRUE(other->refused->holder);
  EXPECT_EQ(other->refused->holder->kind, holder_kind::pull);
  EXPECT_EQ(other->refused->holder->since, since);
  EXPECT_THAT(numbers(pull_again(token)->ids()), ElementsAre(1));
}

TEST_F(pulls_test, a_released_name_goes_to_the_next_in_the_line_at_once) {
  const auto token = lease_with(3);
  const auto other = pull_with([&](auto& made) { made.wait = 30s; });
  const auto released = release(token, of({1, 3}));
  ASSERT_TRUE(released);
  EXPECT_EQ(released->acknowledged, 2U);
  EXPECT_FALSE(released->expires_at);
  EXPECT_THAT(numbers(other->ids()), ElementsAre(2));
  EXPECT_EQ(pull_again(token)->refused->what, lease_problem::fenced);
}

TEST_F(pulls_test, an_expired_lease_gives_its_events_to_the_next_in_the_line) {
  const auto token = lease_with(2);
  const auto other = pull_with([&](auto& made) { made.wait = 55s; });
  pass(59s);
  EXPECT_TRUE(other->refused) << "its own wait";
  const auto next = pull_with([&](auto& made) { made.wait = 55s; });
  EXPECT_TRUE(next->waits());
  pass(1s);
  EXPECT_THAT(numbers(next->ids()), ElementsAre(1, 2));
  const auto late = acknowledge_for(token, through(2));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().what, lease_problem::fenced);
  EXPECT_THAT(numbers(pull_again(next->batch->token)->ids()), ElementsAre(1, 2)) << "nothing moved";
  EXPECT_EQ(figure("pulse_leases_fenced_total"), 1);
}

TEST_F(pulls_test, a_late_acknowledgement_counts_while_nobody_else_was_served) {
  const auto token = lease_with(3);
  pass(100s);
  EXPECT_EQ(figure("pulse_leases_held"), 0);
  ASSERT_TRUE(acknowledge_for(token, of({2})));
  start();
  EXPECT_THAT(numbers(pull_new()->ids()), ElementsAre(1, 3));
}

TEST_F(pulls_test, a_late_pull_takes_the_lease_up_again_while_nobody_else_was_served) {
  const auto token = lease_with(3);
  pass(100s);
  const auto next = pull_again(token, through(2));
  EXPECT_THAT(numbers(next->ids()), ElementsAre(3));
  EXPECT_EQ(figure("pulse_leases_held"), 1);
  const auto other = pull_new();
  EXPECT_EQ(other->refused->what, lease_problem::busy);
}

TEST_F(pulls_test, whoever_connected_in_between_fences_the_old_holder) {
  const auto token = lease_with(2);
  pass(100s);
  const auto socket = connect();
  EXPECT_EQ(socket->numbers(), (std::vector<int>{1, 2}));
  EXPECT_EQ(pull_again(token)->refused->what, lease_problem::fenced);
  shared_hub_->close(socket->stream);
  settle();
  EXPECT_EQ(pull_again(token)->refused->what, lease_problem::fenced);
}

TEST_F(pulls_test, sockets_and_pulls_wait_for_each_other) {
  const auto token = lease_with(1);
  const auto socket = connect();
  EXPECT_THAT(socket->ids, IsEmpty());
  pull_again(token, through(1));
  EXPECT_THAT(socket->ids, IsEmpty()) << "between two pulls, and while a stream is opened again";
  append_more(1);
  ASSERT_TRUE(release(token, {}));
  EXPECT_EQ(socket->numbers(), (std::vector<int>{2}));
  const auto waits = pull_with([&](auto& made) { made.wait = 5s; });
  pass(5s);
  EXPECT_EQ(waits->refused->holder->kind, holder_kind::websocket);
}

TEST_F(pulls_test, a_lease_and_what_it_has_acknowledged_survive_a_kill) {
  const auto token = lease_with(4);
  ASSERT_TRUE(acknowledge_for(token, of({1, 3})));
  start();
  EXPECT_EQ(figure("pulse_leases_held"), 1);
  const auto socket = connect();
  EXPECT_EQ(pull_new()->refused->what, lease_problem::busy);
  EXPECT_THAT(socket->ids, IsEmpty());
  const auto again = pull_again(token);
  EXPECT_THAT(numbers(again->ids()), ElementsAre(2, 4));
  EXPECT_EQ(again->batch->repeated.front().attempts, 2U);
  start();
  // Without a stream, too.
  ASSERT_TRUE(acknowledge_for(token, of({4})));
  EXPECT_THAT(numbers(pull_again(token)->ids()), ElementsAre(2));
}

TEST_F(pulls_test, what_was_acknowledged_does_not_come_again_to_a_socket_after_a_kill) {
  const auto token = lease_with(4);
  ASSERT_TRUE(release(token, of({2, 3})));
  start();
  EXPECT_EQ(connect()->numbers(), (std::vector<int>{1, 4}));
}

TEST_F(pulls_test, a_kill_and_a_clock_that_is_set_back_do_not_lengthen_a_lease) {
  lease_with(1);
  clocks_.wall -= 3600s;
  start();
  pass(59s);
  EXPECT_TRUE(pulls_->expiry(key("mail")));
  pass(1s);
  EXPECT_FALSE(pulls_->expiry(key("mail")));
}

TEST_F(pulls_test, a_clock_that_jumps_ahead_ends_a_lease) {
  lease_with(1);
  clocks_.wall += 60s;
  pass(0s);
  EXPECT_FALSE(pulls_->expiry(key("mail")));
}

TEST_F(pulls_test, a_lease_that_was_over_before_a_kill_is_over) {
  const auto token = lease_with(1);
  clocks_.pass(60s);
  start();
  EXPECT_EQ(pull_again(token)->refused->what, lease_problem::fenced);
  EXPECT_THAT(numbers(pull_new()->ids()), ElementsAre(1));
}

TEST_F(pulls_test, a_damaged_lease_is_over) {
  lease_with(1);
  cursors_.leases[key("mail")] = "until noon";
  start();
  EXPECT_THAT(numbers(pull_new()->ids()), ElementsAre(1));
}

TEST_F(pulls_test, nothing_is_handed_out_that_is_not_stored) {
  const auto first = pull_new();
  append_more(1);
  cursors_.fail_saves = true;
  const auto failed = pull_again(first->batch->token);
  ASSERT_TRUE(failed->refused);
  EXPECT_EQ(failed->refused->what, lease_problem::failed);
  EXPECT_EQ(failed->refused->why.code, errc::unavailable);
  ASSERT_FALSE(acknowledge_for(first->batch->token, through(1)));
  cursors_.fail_saves = false;
  const auto next = pull_again(first->batch->token);
  EXPECT_THAT(numbers(next->ids()), ElementsAre(1));
  EXPECT_THAT(next->batch->repeated, IsEmpty());
}

TEST_F(pulls_test, a_new_lease_that_is_not_stored_is_none) {
  pull_new();
  start();
  clocks_.pass(60s);
  pass(0s);
  cursors_.fail_saves = true;
  EXPECT_TRUE(pull_new()->refused);
  EXPECT_EQ(figure("pulse_leases_held"), 0);
  cursors_.fail_saves = false;
  EXPECT_TRUE(pull_new()->batch) << "nobody has the name";
}

TEST_F(pulls_test, a_client_that_goes_while_it_waits_frees_its_place_in_the_line) {
  const auto token = lease_with(1);
  const auto gone = pull_with([&](auto& made) { made.wait = 55s; });
  abandon(*gone);
  const auto next = pull_with([&](auto& made) { made.wait = 55s; });
  ASSERT_TRUE(release(token, {}));
  EXPECT_TRUE(gone->waits());
  EXPECT_THAT(numbers(next->ids()), ElementsAre(1));
}

TEST_F(pulls_test, a_client_that_goes_while_it_waits_for_an_event_loses_nothing) {
  const auto gone = pull_with([&](auto& made) { made.wait = 55s; });
  abandon(*gone);
  settle();
  EXPECT_EQ(figure("pulse_leases_held"), 0);
  const auto first = pull_new();
  const auto second = pull_with([&](auto& made) {
    made.token = first->batch->token;
    made.wait = 55s;
  });
  abandon(*second);
  append_more(1);
  EXPECT_THAT(numbers(pull_again(first->batch->token)->ids()), ElementsAre(1));
}

TEST_F(pulls_test, the_later_of_two_pulls_with_one_token_is_served) {
  const auto first = pull_new();
  const auto wait = [&](auto& made) {
    made.token = first->batch->token;
    made.wait = 55s;
  };
  const auto earlier = pull_with(wait);
  const auto later = pull_with(wait);
  EXPECT_EQ(earlier->refused->what, lease_problem::replaced);
  append_more(1);
  EXPECT_THAT(numbers(later->ids()), ElementsAre(1));
}

TEST_F(pulls_test, a_moved_cursor_ends_the_lease_whether_its_stream_is_open_or_not) {
  for (const bool is_open : {true, false}) {
    const auto token = is_open ? lease_with(2) : pull_new()->batch->token;
    if (!is_open) start();
    const auto moved = shared_hub_->move(key("mail"), "moved");
    moved(position{});
    settle();
    const auto late = pull_again(token, through(2));
    ASSERT_TRUE(late->refused) << is_open;
    EXPECT_EQ(late->refused->what, lease_problem::fenced);
    const auto next = pull_new();
    EXPECT_THAT(numbers(next->ids()), ElementsAre(1, 2));
    ASSERT_TRUE(release(next->batch->token, {}));
  }
}

TEST_F(pulls_test, a_cursor_that_is_moved_while_its_lease_opens_again_is_the_operators) {
  const auto token = lease_with(2);
  const auto waiting = connect();
  before_opening_ = [&] { shared_hub_->move(key("mail"), "moved")(position{}); };
  const auto late = pull_again(token);
  before_opening_ = nullptr;
  EXPECT_FALSE(late->batch);
  const auto socket = connect();
  EXPECT_EQ(socket->numbers(), (std::vector<int>{1, 2})) << "nobody else has the name";
  EXPECT_TRUE(pull_again(token)->refused);
}

TEST_F(pulls_test, a_name_that_is_deleted_while_its_lease_opens_again_stays_deleted) {
  const auto token = lease_with(2);
  before_opening_ = [&] {
    shared_hub_->forget(key("mail"), "deleted");
    cursors_.stored.clear();
  };
  EXPECT_FALSE(pull_again(token)->batch);
  before_opening_ = nullptr;
  EXPECT_FALSE(shared_hub_->knows(key("mail")));
}

TEST_F(pulls_test, a_lease_whose_time_is_over_does_not_survive_a_moved_cursor) {
  const auto token = lease_with(2);
  clocks_.pass(61s);
  shared_hub_->move(key("mail"), "moved")(position{});
  settle();
  EXPECT_TRUE(pull_again(token, through(2))->refused);
  EXPECT_EQ(connect()->numbers(), (std::vector<int>{1, 2}));
}

TEST_F(pulls_test, a_new_lease_that_was_not_stored_in_time_is_none_after_a_restart_either) {
  append_more(1);
  cursors_.fail_saves = true;
  pull_with([](auto& made) { made.length = 3600s; });
  cursors_.fail_saves = false;
  shared_hub_->save(key("mail"), {}, [](const result<void>&) {});
  settle();
  start();
  EXPECT_FALSE(shared_hub_->holder(key("mail")).has_value());
}

TEST_F(pulls_test, a_gap_is_said_once_what_came_before_it_is_acknowledged) {
  const auto token = lease_with(1);
  control::stored_gap gap;
  gap.id = 7;
  gap.what.kind = gap_kind::slot_lost;
  gap.what.after = place_of(1);
  shared_hub_->use_gaps({gap});
  settle();
  const auto blocked = pull_again(token, through(1));
  const auto why = blocked->refused ? blocked->refused->why.code : blocked->not_opened->code;
  EXPECT_EQ(why, errc::gap);
  EXPECT_TRUE(pulls_->expiry(key("mail"))) << "the lease is still its holder's";
  shared_hub_->use_gaps({accepted(gap)});
  settle();
  append_more(1);
  EXPECT_THAT(numbers(pull_again(token)->ids()), ElementsAre(2));
}

TEST_F(pulls_test, a_lease_follows_its_tables_name) {
  const auto token = lease_with(2);
  const std::vector<table_rename> renamed{{{"public", "jobs"}, {"public", "tasks"}, false}};
  cursors_.stored[key("mail", "tasks")] = cursors_.stored.extract(key("mail")).mapped();
  shared_hub_->follow(renamed);
  pulls_->follow(renamed);
  EXPECT_TRUE(pulls_->expiry(key("mail", "tasks")));
  ASSERT_TRUE(acknowledge_for(token, through(1)));
  const auto wrong = pull_again(token);
  ASSERT_TRUE(wrong->not_opened) << "another table, or none";
  EXPECT_EQ(wrong->not_opened->code, errc::conflict);
}

TEST_F(pulls_test, so_many_leases_and_no_more) {
  lease_limits_.leases_max = 2;
  start();
  const auto named = [&](const std::string& name) {
    return pull_with([&](auto& made) {
      auto to = std::make_shared<answered>();
      auto other = wanted(name, to);
      made.wanted = other.wanted;
      made.open = other.open;
    });
  };
  const auto first = named("one");
  EXPECT_TRUE(named("two")->batch);
  const auto refused = named("three");
  ASSERT_TRUE(refused->refused);
  EXPECT_EQ(refused->refused->why.code, errc::unavailable);
  pass(60s);
  EXPECT_TRUE(named("three")->batch) << "those that are over give way";
}

}  // namespace
}  // namespace pulse::streams
