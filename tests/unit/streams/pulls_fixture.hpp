// Pulls over a hub in memory, on scripted time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "streams/pulls.hpp"
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {

class scripted_clocks final : public clock_source {
 public:
  unix_time_us now() const override { return wall; }
  std::chrono::steady_clock::time_point steady_now() const override { return steady; }
  void pass(std::chrono::seconds time) {
    wall += time;
    steady += time;
  }
  unix_time_us wall{std::chrono::seconds(1'700'000'000)};
  std::chrono::steady_clock::time_point steady{};
};

class pulls_fixture : public hub_fixture {
 protected:
  pulls_fixture() { start(); }

  // As after a kill: what is stored is there, and nothing else.
  void start() {
    pulls_.reset();
    shared_hub_.reset();
    hub::parts to{context_.get_executor(), served_, &relations_, &cursors_, &figures_, "shop"};
    to.clock = &clocks_;
    shared_hub_ = std::make_shared<hub>(std::move(to), limits_);
    pulls_ = std::make_shared<pulls>(
        pulls::parts{context_.get_executor(), shared_hub_, &figures_, "shop", &clocks_},
        lease_limits_);
    for (const auto& [key, at] : cursors_.stored) {
      const auto lease = cursors_.leases.contains(key) ? cursors_.leases[key] : "";
      shared_hub_->know({key, at, clocks_.now(), false, lease});
      pulls_->restore(key, lease);
    }
    settle();
  }

  struct answered {
    std::optional<pulled> batch;
    std::optional<lease_refusal> refused;
    std::optional<error> not_opened;
    std::weak_ptr<pull> under_way;  // which knows this

    bool waits() const { return !batch && !refused && !not_opened; }
    std::vector<event_id> ids() const {
      return batch ? batch->events->ids() : std::vector<event_id>();
    }
  };

  pull_request wanted(const std::string& name, std::shared_ptr<answered> to,
                      const std::string& table = "jobs") {
    pull_request made;
    made.wanted = request(name, table);
    made.asked = table;
    made.open = [this, to, name, table](stream_opening what, auto done) {
      what.shape = {std::make_shared<const relation>(shape(table)), nullptr};
      if (from_beginning_)
        what.start = {};
      else
        what.start = log_.bounds().last_at;
      if (before_opening_) before_opening_();
      shared_hub_->open(std::move(what),
                        [to, name, table, done](result<filters::stream_id> opened) {
                          if (!opened) {
                            to->not_opened = opened.error();
                            return done(std::nullopt);
                          }
                          done(opened_for_lease{*opened, key(name, table)});
                        });
    };
    return made;
  }

  template <class Adjust>
  std::shared_ptr<answered> pull_with(Adjust adjust, const std::string& table = "jobs") {
    auto to = std::make_shared<answered>();
    auto made = wanted("mail", to, table);
    adjust(made);
    to->under_way = pulls_->start(std::move(made), [to](const lease_result<pulled>& outcome) {
      EXPECT_TRUE(to->waits()) << "answered twice";
      if (outcome) {
        to->batch = *outcome;
      } else {
        to->refused = outcome.error();
      }
    });
    settle_pulls();
    return to;
  }
  std::shared_ptr<answered> pull_new() {
    return pull_with([](auto&) {});
  }
  std::shared_ptr<answered> pull_again(const std::string& token,
                                       lease_acknowledgement acknowledged = {}) {
    return pull_with([&](auto& made) {
      made.token = token;
      made.acknowledged = std::move(acknowledged);
    });
  }

  void abandon(const answered& one) {
    if (const auto waits = one.under_way.lock()) pulls_->abandon(waits);
  }

  lease_result<lease_changed> change(lease_change what) {
    what.name = "mail";
    std::optional<lease_result<lease_changed>> answer;
    pulls_->change(what, [&](const lease_result<lease_changed>& outcome) { answer = outcome; });
    settle_pulls();
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(lease_refusal{});
  }

  void pass(std::chrono::seconds time) {
    clocks_.pass(time);
    settle_pulls();
  }
  // A stream that has just been opened is looked at again until it keeps up: the timer's work.
  void settle_pulls() {
    settle();
    for (int i = 0; i < 3; ++i) {
      pulls_->tick();
      settle();
    }
  }

  // A WebSocket under the same name.
  std::shared_ptr<recorder> connect(const std::string& name = "mail") {
    auto to = std::make_shared<recorder>();
    stream_opening what;
    what.wanted = request(name, "jobs");
    what.shape = {std::make_shared<const relation>(shape("jobs")), nullptr};
    what.start = log_.bounds().last_at;
    what.to = to;
    shared_hub_->open(std::move(what), [to](const result<filters::stream_id>& opened) {
      if (opened) to->stream = *opened;
    });
    settle();
    return to;
  }

  void append_more(int count) {
    for (int i = 0; i < count; ++i) {
      const auto number = appended_ + 1;
      const auto described = relations_.describe(shape("jobs")).value();
      const auto row = filters::testing::tuple_of({std::to_string(number)});
      event_view event;
      event.at = place_of(number);
      event.id = id_of(number);
      event.relation = described.version;
      event.table = described.table;
      event.action = change_action::create;
      event.after = tuple_view::trusted(as_byte_view(row));
      ASSERT_TRUE(log_.append(event));
      ++appended_;
      shared_hub_->progress();
    }
    settle_pulls();
  }
  static event_id id_of(std::uint32_t number) {
    return make_event_id(1700000000000 + number, lsn{1000 + number}, 0);
  }
  static std::vector<int> numbers(const std::vector<event_id>& ids) {
    std::vector<int> all;
    for (const auto& id : ids) all.push_back(static_cast<int>(id.time_ms() - 1700000000000));
    return all;
  }

  scripted_clocks clocks_;
  lease_limits lease_limits_;
  bool from_beginning_ = false;
  std::function<void()> before_opening_;
  std::shared_ptr<hub> shared_hub_;
  std::shared_ptr<pulls> pulls_;
};

}  // namespace pulse::streams
