#include "source/visibility_gate.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::source {
namespace {

using namespace std::chrono_literals;
using without_answer = visibility_gate::without_answer;

position place_at(std::uint64_t place) {
  return {1, lsn{place}, lsn{place}, 0};
}

snapshot running(std::uint64_t xmax, std::vector<std::uint64_t> in_progress = {}) {
  snapshot seen;
  seen.xmax = xmax;
  seen.in_progress = std::move(in_progress);
  seen.xmin = seen.in_progress.empty() ? xmax : seen.in_progress.front();
  return seen;
}

snapshot with_end(snapshot seen, std::uint64_t begun_before) {
  seen.begun_before = begun_before;
  return seen;
}

log_origin server(std::uint32_t timeline, const std::string& database = "7000/5") {
  log_origin whose;
  whose.database = database;
  whose.history = timelines{timeline};
  return whose;
}

class visibility_gates : public ::testing::Test {
 protected:
  visibility_gate::time_point now_{1h};
  visibility_gate gate_{without_answer::go_on};
};

TEST_F(visibility_gates, events_are_passed_in_the_order_of_the_log_up_to_the_first_unseen) {
  gate_.add(10, place_at(100), now_);
  gate_.add(12, place_at(200), now_);
  gate_.add(11, place_at(300), now_);
  EXPECT_FALSE(gate_.see(running(13, {10}), now_));
  EXPECT_EQ(gate_.passed(), position{});
  EXPECT_EQ(gate_.waiting(), 1U) << "those behind it are seen, and wait for it alone";
  EXPECT_TRUE(gate_.see(running(13), now_));
  EXPECT_EQ(gate_.passed(), place_at(300));
  EXPECT_FALSE(gate_.waits());
}

TEST_F(visibility_gates, a_transaction_that_comes_again_waits_no_second_time) {
  gate_.add(10, place_at(100), now_);
  gate_.see(running(11), now_);
  gate_.add(10, place_at(100), now_);
  EXPECT_FALSE(gate_.waits());
}

TEST_F(visibility_gates, what_an_answer_has_shown_is_not_asked_again_on_the_same_connection) {
  gate_.add(10, place_at(100), now_);
  gate_.see(running(50, {20}), now_);
  gate_.add(15, place_at(200), now_ + 1s);
  EXPECT_EQ(gate_.passed(), place_at(200));
  gate_.add(20, place_at(300), now_ + 1s);
  gate_.add(16, place_at(400), now_ + 1s);
  EXPECT_EQ(gate_.passed(), place_at(200)) << "it was in progress then";
  gate_.see(running(50), now_ + 1s);
  gate_.add(17, place_at(500), now_ + 2min);
  EXPECT_EQ(gate_.passed(), place_at(400)) << "ids may have come again since";
  gate_.see(running(50), now_ + 2min);
  gate_.follow(server(1), now_ + 2min);
  gate_.add(18, place_at(600), now_ + 2min);
  EXPECT_EQ(gate_.passed(), place_at(500)) << "another server may be there";
}

TEST_F(visibility_gates, without_an_answer_for_a_second_events_are_delivered_and_counted) {
  gate_.add(10, place_at(100), now_);
  gate_.add(11, place_at(200), now_ + 900ms);
  EXPECT_EQ(gate_.deadline(), now_ + 1s);
  EXPECT_FALSE(gate_.look_at_time(now_ + 999ms));
  EXPECT_TRUE(gate_.look_at_time(now_ + 1s));
  EXPECT_EQ(gate_.passed(), place_at(200));
  EXPECT_EQ(gate_.take_unverified(), 2U);
  gate_.add(12, place_at(300), now_ + 2s);
  EXPECT_EQ(gate_.passed(), place_at(300)) << "none waits a second of its own";
  EXPECT_EQ(gate_.take_unverified(), 1U);
  gate_.see(running(12), now_ + 3s);
  EXPECT_FALSE(gate_.is_blind());
  gate_.add(13, place_at(400), now_ + 3s);
  EXPECT_EQ(gate_.passed(), place_at(300)) << "it can be asked again";
}

TEST_F(visibility_gates, answers_that_do_not_show_a_transaction_are_answers) {
  gate_.add(10, place_at(100), now_);
  for (int i = 0; i < 3600; ++i) {
    now_ += 900ms;
    gate_.see(running(11, {10}), now_);
    EXPECT_FALSE(gate_.look_at_time(now_));
  }
  EXPECT_EQ(gate_.passed(), position{});
  EXPECT_EQ(gate_.waited(now_), 3600 * 900ms);
}

TEST_F(visibility_gates, strict_events_are_held_until_there_is_an_answer) {
  gate_ = visibility_gate(without_answer::hold);
  gate_.add(10, place_at(100), now_);
  EXPECT_FALSE(gate_.look_at_time(now_ + 1h));
  EXPECT_TRUE(gate_.is_blind());
  EXPECT_FALSE(gate_.deadline());
  gate_.add(11, place_at(200), now_ + 1h);
  EXPECT_EQ(gate_.passed(), position{});
  gate_.see(running(12), now_ + 2h);
  EXPECT_EQ(gate_.passed(), place_at(200));
  EXPECT_EQ(gate_.take_unverified(), 0U);
}

TEST_F(visibility_gates, events_of_an_earlier_run_wait_for_all_that_had_begun_at_first) {
  gate_.begin(place_at(100), now_);
  EXPECT_TRUE(gate_.asks_for_end());
  gate_.add(30, place_at(200), now_);
  EXPECT_FALSE(gate_.see(with_end(running(31, {7, 20}), 31), now_));
  EXPECT_FALSE(gate_.asks_for_end());
  EXPECT_FALSE(gate_.see(running(40, {20, 35}), now_ + 1s));
  EXPECT_TRUE(gate_.see(running(40, {35}), now_ + 2s));
  EXPECT_EQ(gate_.passed(), place_at(200));
}

// None behind it has ended, so that the snapshot ends before it.
TEST_F(visibility_gates,
       a_commit_of_an_earlier_run_that_waits_is_waited_for_though_it_is_the_newest) {
  gate_.begin(place_at(100), now_);
  EXPECT_FALSE(gate_.see(with_end(running(10), 11), now_));
  EXPECT_FALSE(gate_.see(running(12, {10}), now_ + 1s));
  EXPECT_TRUE(gate_.see(running(12), now_ + 2s));
  EXPECT_EQ(gate_.passed(), place_at(100));
  EXPECT_EQ(gate_.take_unverified(), 0U);
}

TEST_F(visibility_gates, events_of_an_earlier_run_wait_five_seconds_at_most_unless_strict) {
  for (const bool strict : {false, true}) {
    gate_ = visibility_gate(strict ? without_answer::hold : without_answer::go_on);
    gate_.begin(place_at(100), now_);
    gate_.see(with_end(running(31, {7}), 31), now_ + 900ms);
    EXPECT_FALSE(gate_.see(running(40, {7}), now_ + 5800ms));
    EXPECT_EQ(gate_.see(running(40, {7}), now_ + 5900ms), !strict);
    EXPECT_EQ(gate_.take_unverified(), strict ? 0U : 1U);
    if (strict) {
      EXPECT_TRUE(gate_.see(running(40, {35}), now_ + 1h)) << "what had begun at first, ended";
    }
    EXPECT_EQ(gate_.passed(), place_at(100));
  }
}

TEST_F(visibility_gates, a_new_connection_to_the_same_server_keeps_the_ids) {
  gate_.follow(server(1), now_);
  gate_.add(10, place_at(100), now_);
  gate_.follow(server(1), now_);
  EXPECT_FALSE(gate_.see(running(10), now_)) << "it has not ended for others";
  EXPECT_TRUE(gate_.see(running(11), now_));
}

// The id that the question took is lost with the crash, and nobody takes another one.
TEST_F(visibility_gates, where_ids_end_is_asked_again_on_a_new_connection) {
  gate_ = visibility_gate(without_answer::hold);
  gate_.follow(server(1), now_);
  gate_.begin(place_at(100), now_);
  EXPECT_FALSE(gate_.see(with_end(running(10), 11), now_));
  gate_.follow(server(1), now_);
  EXPECT_TRUE(gate_.asks_for_end());
  EXPECT_TRUE(gate_.see(with_end(running(10), 10), now_));
  EXPECT_EQ(gate_.passed(), place_at(100));
}

TEST_F(visibility_gates, new_connections_do_not_lengthen_the_wait_for_unknown_transactions) {
  gate_.begin(place_at(100), now_);
  gate_.see(with_end(running(31, {7}), 31), now_);
  gate_.follow(server(1), now_ + 4s);
  EXPECT_FALSE(gate_.see(with_end(running(40, {7}), 40), now_ + 4900ms));
  EXPECT_TRUE(gate_.see(running(40, {7}), now_ + 5s));
}

TEST_F(visibility_gates, ids_of_another_server_are_not_looked_for_in_this_one) {
  for (const auto& other : {server(2), server(1, "8000/5")}) {
    visibility_gate gate(without_answer::hold);
    gate.follow(server(1), now_);
    gate.add(1000, place_at(100), now_);
    gate.follow(other, now_);
    EXPECT_TRUE(gate.see(with_end(running(20), 20), now_)) << "there it would never be seen";
    EXPECT_EQ(gate.passed(), place_at(100));
  }
}

TEST_F(visibility_gates, more_transactions_than_are_kept_wait_together) {
  gate_ = visibility_gate(without_answer::hold);
  const auto most = static_cast<std::uint32_t>(visibility_gate::waiting_max);
  for (std::uint32_t i = 0; i < most + 10; ++i) gate_.add(0xFFFFFFF0 + i, place_at(100 + i), now_);
  EXPECT_EQ(gate_.waiting(), most);
  const auto wide = [](std::uint64_t number) { return std::uint64_t{0xFFFFFFF0} + number; };
  gate_.see(running(wide(most + 10), {wide(most + 5)}), now_);
  EXPECT_EQ(gate_.passed(), place_at(100 + most - 2))
      << "one of the last is not seen: none of them is";
  gate_.see(running(wide(most + 10)), now_);
  EXPECT_EQ(gate_.passed(), place_at(100 + most + 9));
}

TEST(question_paces, double_to_two_milliseconds_and_start_over_with_what_is_passed) {
  question_pace pace;
  EXPECT_EQ(pace.next(false, 0s), 50us);
  EXPECT_EQ(pace.next(false, 0s), 100us);
  for (int i = 0; i < 10; ++i) pace.next(false, 0s);
  EXPECT_EQ(pace.next(false, 0s), 2ms);
  EXPECT_EQ(pace.next(true, 0s), 50us);
}

TEST(question_paces, of_what_waits_for_long_are_a_hundredth_of_that) {
  question_pace pace;
  for (int i = 0; i < 20; ++i) pace.next(false, 1s);
  EXPECT_EQ(pace.next(false, 1s), 10ms);
  for (int i = 0; i < 20; ++i) pace.next(false, 1h);
  EXPECT_EQ(pace.next(false, 1h), 50ms);
}

// Against the definition: the end is the longest prefix of the log whose transactions have all been
// seen to be visible, whatever was asked in between.
RC_GTEST_PROP(visibility_gate_property, passes_the_longest_visible_prefix, ()) {
  visibility_gate gate(without_answer::hold);
  const visibility_gate::time_point now{1h};
  const auto base = *rc::gen::element<std::uint64_t>(700, (std::uint64_t{1} << 32U) - 15);
  std::vector<std::uint64_t> sent;      // in the order of their commits
  std::set<std::uint64_t> in_progress;  // for others
  std::set<std::uint64_t> was_seen;
  std::uint64_t next = base;
  for (auto steps = *rc::gen::inRange(1, 80); steps > 0; --steps) {
    const auto what = *rc::gen::inRange(0, 4);
    if (what == 0) {
      in_progress.insert(next++);
    } else if (what == 1 && !in_progress.empty()) {
      const auto which = *rc::gen::inRange<std::size_t>(0, in_progress.size());
      const auto xid = *std::next(in_progress.begin(), static_cast<std::ptrdiff_t>(which));
      if (std::ranges::find(sent, xid) == sent.end()) {
        sent.push_back(xid);
        gate.add(static_cast<std::uint32_t>(xid), place_at(sent.size()), now);
      }
    } else if (what == 2 && !in_progress.empty()) {
      const auto which = *rc::gen::inRange<std::size_t>(0, in_progress.size());
      const auto one = std::next(in_progress.begin(), static_cast<std::ptrdiff_t>(which));
      // It is visible to others once it is sent.
      if (std::ranges::find(sent, *one) != sent.end()) in_progress.erase(one);
    } else {
      // PostgreSQL's xmax is behind the newest that has ended.
      std::uint64_t xmax = base;
      for (auto xid = base; xid < next; ++xid) {
        if (!in_progress.contains(xid)) xmax = xid + 1;
      }
      std::vector<std::uint64_t> between;
      for (const auto xid : in_progress) {
        if (xid < xmax) between.push_back(xid);
      }
      gate.see(running(xmax, between), now);
      for (const auto xid : sent) {
        if (!in_progress.contains(xid)) was_seen.insert(xid);
      }
    }
    std::size_t prefix = 0;
    while (prefix < sent.size() && was_seen.contains(sent[prefix])) ++prefix;
    RC_ASSERT(gate.passed() == (prefix == 0 ? position{} : place_at(prefix)));
  }
}

}  // namespace
}  // namespace pulse::source
