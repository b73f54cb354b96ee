// Two holders of one name, acknowledgements out of order, expiries, failing saves and kills, at
// random: nothing is lost, nothing comes again that was acknowledged with an answer, order is kept,
// and no two leases are valid at once.
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "tests/unit/streams/pulls_fixture.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

class pulls_property : public pulls_fixture {
 protected:
  struct consumer {
    std::string token;
    unix_time_us expires_at{};
    std::vector<event_id> has;  // handed out to it and not acknowledged by it
  };

  int below(int most) { return std::uniform_int_distribution<int>(0, most - 1)(random_); }
  bool now_and_then(int one_of) { return below(one_of) == 0; }

  // As if the leases' own view were not there: what an answer has confirmed.
  void confirm(consumer& by, const lease_acknowledgement& what, bool is_durable) {
    for (const auto& id : what.ids) {
      (is_durable ? confirmed_ : unsure_).insert(id);
      std::erase(by.has, id);
    }
  }

  lease_acknowledgement some_of(const consumer& by) {
    lease_acknowledgement made;
    for (const auto& id : by.has) {
      if (!now_and_then(3)) made.ids.push_back(id);
    }
    std::ranges::shuffle(made.ids, random_);
    return made;
  }

  // A batch has the oldest events that are not acknowledged, in order and without holes.
  void check(const std::vector<event_id>& batch) {
    std::uint32_t number = 1;
    for (const auto& id : batch) {
      ASSERT_FALSE(confirmed_.contains(id)) << "acknowledged, and here again: " << to_string(id);
      while (number <= appended_ && id_of(number) != id) {
        ASSERT_TRUE(confirmed_.contains(id_of(number)) || unsure_.contains(id_of(number)))
            << "skipped: " << number;
        ++number;
      }
      ASSERT_LE(number, appended_) << "out of order, or unknown: " << to_string(id);
      ++number;
    }
  }

  void pull(consumer& by, consumer& other) {
    const auto acknowledged = by.token.empty() ? lease_acknowledgement{} : some_of(by);
    const auto max = std::size_t{1} + static_cast<std::size_t>(below(6));
    const auto one = pull_with([&](auto& made) {
      if (!by.token.empty()) made.token = by.token;
      made.acknowledged = acknowledged;
      made.events_max = max;
      made.length = std::chrono::seconds(10 + below(60));
      made.wait = std::chrono::seconds(now_and_then(2) ? 5 : 0);
    });
    if (one->waits() && now_and_then(2)) append_more(1 + below(3));
    if (one->waits() && now_and_then(3)) {
      abandon(*one);
      settle();
      return confirm(by, acknowledged, false);
    }
    if (one->waits()) pass(5s);
    ASSERT_FALSE(one->waits());
    if (one->batch) return received(by, other, *one, acknowledged);
    if (one->refused && one->refused->what == lease_problem::failed) {
      by.expires_at = {};  // the lease may be shorter now than its last answer said
      return confirm(by, acknowledged, false);
    }
    // Fenced, or busy.
    by = {};
  }

  void received(consumer& by, consumer& other, const answered& one,
                const lease_acknowledgement& acknowledged) {
    ASSERT_FALSE(!other.token.empty() && other.token != one.batch->token &&
                 other.expires_at > clocks_.now())
        << "two leases are valid";
    confirm(by, acknowledged, true);
    check(one.ids());
    by.token = one.batch->token;
    by.expires_at = one.batch->expires_at;
    for (const auto& id : one.ids()) {
      if (std::ranges::find(by.has, id) == by.has.end()) by.has.push_back(id);
    }
  }

  void acknowledge(consumer& by) {
    if (by.token.empty()) return;
    lease_change what;
    what.token = by.token;
    what.acknowledged = some_of(by);
    if (now_and_then(3)) what.extend = 30s;
    if (!what.extend) what.release = now_and_then(4);
    const auto done = change(what);
    if (!done) {
      if (done.error().what == lease_problem::failed) {
        by.expires_at = {};
        return confirm(by, what.acknowledged, false);
      }
      by = {};
      return;
    }
    confirm(by, what.acknowledged, true);
    if (done->expires_at) by.expires_at = *done->expires_at;
    if (what.release) by = {};
  }

  // A socket that receives and acknowledges nothing.
  void look_in() {
    const auto socket = connect();
    std::vector<event_id> ids;
    for (const auto& text : socket->ids) ids.push_back(*parse_event_id(text));
    check(ids);
    shared_hub_->close(socket->stream);
    settle();
  }

  void step(consumer& by, consumer& other) {
    cursors_.fail_saves = now_and_then(12);
    switch (below(8)) {
      case 0:
        append_more(1 + below(5));
        break;
      case 1:
        pass(std::chrono::seconds(below(40)));
        break;
      case 2:
        if (now_and_then(2)) {
          cursors_.fail_saves = false;
          start();
        } else {
          look_in();
        }
        break;
      case 3:
      case 4:
        acknowledge(by);
        break;
      default:
        pull(by, other);
    }
    cursors_.fail_saves = false;
  }

  std::mt19937_64 random_;
  std::set<event_id> confirmed_;
  std::set<event_id> unsure_;
};

TEST_F(pulls_property, nothing_is_lost_and_nothing_comes_again_that_was_acknowledged) {
  const auto* given = std::getenv("PULSE_SEED");
  const std::uint64_t first =
      given != nullptr ? std::stoull(given) : std::uint64_t{std::random_device{}()};
  std::cout << "PULSE_SEED=" << first << '\n';
  pull_new();
  pass(100s);
  for (int round = 0; round < 60 && !HasFatalFailure(); ++round) {
    random_.seed(first + static_cast<std::uint64_t>(round));
    consumer one;
    consumer two;
    for (int i = 0; i < 60 && !HasFatalFailure(); ++i) {
      SCOPED_TRACE("PULSE_SEED=" + std::to_string(first) + " round " + std::to_string(round) +
                   " step " + std::to_string(i));
      if (now_and_then(2)) {
        step(one, two);
      } else {
        step(two, one);
      }
    }
    pass(200s);
  }
  // To the end.
  std::string token;
  for (int i = 0; i < 10'000; ++i) {
    lease_acknowledgement all;
    if (!token.empty()) all.through = id_of(appended_);
    const auto one = pull_with([&](auto& made) {
      if (!token.empty()) made.token = token;
      made.acknowledged = all;
      made.events_max = 1000;
    });
    ASSERT_TRUE(one->batch);
    check(one->ids());
    token = one->batch->token;
    for (const auto& id : one->ids()) confirmed_.insert(id);
    if (one->ids().empty()) break;
  }
  for (std::uint32_t number = 1; number <= appended_; ++number)
    EXPECT_TRUE(confirmed_.contains(id_of(number)) || unsure_.contains(id_of(number))) << number;
}

}  // namespace
}  // namespace pulse::streams
