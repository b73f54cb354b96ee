// A consumer that holds a name and acknowledges nothing, on scripted time.
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "change/type_catalog.hpp"
#include "log/memory_log.hpp"
#include "streams/hub.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

class no_cursors final : public cursor_store {
 public:
  void open(const cursor_key& /*key*/, position initial, opened done) override { done(initial); }
  void save(std::vector<std::pair<cursor_key, position>> /*moved*/, saved done) override {
    done({});
  }
};

class recorder final : public subscriber {
 public:
  void send(std::string_view event_json) override {
    ids.emplace_back(boost::json::parse(event_json).as_object().at("id").as_string());
  }
  std::size_t unsent_bytes() const override { return 0; }
  void end(end_reason reason, std::string_view message) override {
    ended = reason;
    said = message;
  }

  stream_id stream{};
  std::vector<std::string> ids;
  std::optional<end_reason> ended;
  std::string said;
};

class hub_stalls : public ::testing::Test {
 protected:
  static constexpr std::size_t window = 4;

  hub_stalls() {
    shape_.table = {"public", "jobs"};
    column only;
    only.name = "id";
    only.type = *type_catalog().resolve(25, -1);
    only.in_identity = true;
    shape_.columns.push_back(only);
    start(5min);
  }

  void start(std::chrono::seconds stall_timeout) {
    stream_limits limits;
    limits.window_events_max = window;
    limits.stall_timeout = stall_timeout;
    hub_ = std::make_unique<hub>(
        hub::parts{context_.get_executor(), &log_, &relations_, &cursors_, &figures_, "shop"},
        limits);
  }

  std::shared_ptr<recorder> open(const std::string& name) {
    auto to = std::make_shared<recorder>();
    stream_request wanted;
    wanted.name = name;
    wanted.model = {"Job", "jobs", "public", {{"id", "id", "String", false}}};
    wanted.wanted.create.emplace();
    wanted.wanted.update_after.emplace();
    wanted.wanted.remove.emplace();
    hub_->open(wanted, {std::make_shared<const relation>(shape_), nullptr}, position{}, to,
               [to](const result<stream_id>& opened) { to->stream = opened.value(); });
    settle();
    return to;
  }

  void append(int count) {
    const auto described = relations_.describe(shape_).value();
    for (int i = 0; i < count; ++i) {
      const auto number = ++appended_;
      const auto row = testing::text_tuple({std::to_string(number)});
      event_view event;
      event.at = {1, lsn{1000 + number}, lsn{1000 + number}, 0};
      event.id = make_event_id(1700000000000, event.at.commit, number);
      event.relation = described.version;
      event.table = described.table;
      event.action = change_action::create;
      event.after = tuple_view::trusted(as_byte_view(row));
      ASSERT_TRUE(log_.append(event));
    }
    hub_->progress();
    settle();
  }

  void acknowledge(const recorder& by, std::size_t index) {
    hub_->acknowledge(by.stream, *parse_event_id(by.ids.at(index)));
    settle();
  }

  void settle() {
    context_.restart();
    context_.poll();
  }

  // Time since the beginning, told to the hub once a second, as the server does.
  void pass_until(std::chrono::seconds time) {
    while (passed_ < time) {
      passed_ += 1s;
      hub_->tick(std::chrono::steady_clock::time_point(passed_));
    }
    settle();
  }

  double figure(const std::string& name) {
    const auto text = figures_.render();
    const auto line = text.find("\n" + name + "{");
    return std::stod(text.substr(text.find("} ", line) + 2));
  }

  boost::asio::io_context context_;
  metrics figures_;
  log::memory_log log_{std::uint64_t{1} << 20U};
  log::memory_relations relations_;
  no_cursors cursors_;
  relation shape_;
  std::unique_ptr<hub> hub_;
  std::chrono::seconds passed_{0};
  std::uint32_t appended_ = 0;
};

TEST_F(hub_stalls, consumer_that_acknowledges_nothing_makes_way_for_the_one_that_waits) {
  const auto first = open("mail");
  const auto second = open("mail");
  append(10);
  EXPECT_EQ(first->ids.size(), window);
  pass_until(299s);
  EXPECT_FALSE(first->ended);
  EXPECT_EQ(figure("pulse_streams_stalled"), 1);
  pass_until(302s);
  EXPECT_EQ(first->ended, end_reason::slow);
  EXPECT_NE(first->said.find("300 s"), std::string::npos) << first->said;
  EXPECT_LE(first->said.size(), 123U);
  EXPECT_EQ(second->ids, first->ids) << "what was not acknowledged comes again";
  EXPECT_EQ(figure("pulse_streams_stalled_ended_total"), 1);
  for (std::size_t i = 0; i < 10; ++i) acknowledge(*second, i);
  EXPECT_EQ(second->ids.size(), 10U);
  pass_until(303s);
  EXPECT_EQ(figure("pulse_streams_stalled"), 0);
}

TEST_F(hub_stalls, while_nobody_waits_the_name_is_kept) {
  const auto first = open("mail");
  append(10);
  pass_until(1000s);
  EXPECT_FALSE(first->ended);
  const auto second = open("mail");
  EXPECT_FALSE(first->ended);
  pass_until(1001s);
  EXPECT_EQ(first->ended, end_reason::slow);
  EXPECT_EQ(second->ids, first->ids);
}

TEST_F(hub_stalls, one_acknowledgement_gives_as_much_time_again) {
  const auto first = open("mail");
  const auto second = open("mail");
  append(10);
  pass_until(250s);
  acknowledge(*first, 0);
  EXPECT_EQ(first->ids.size(), window) << "not enough for more to be sent";
  pass_until(550s);
  EXPECT_FALSE(first->ended);
  pass_until(552s);
  EXPECT_EQ(first->ended, end_reason::slow);
  EXPECT_EQ(second->ids.size(), window);
}

TEST_F(hub_stalls, consumer_with_room_left_may_take_its_time) {
  const auto first = open("mail");
  const auto second = open("mail");
  append(window);
  pass_until(1000s);
  EXPECT_FALSE(first->ended);
  EXPECT_EQ(figure("pulse_streams_stalled"), 0);
  EXPECT_TRUE(second->ids.empty());
}

TEST_F(hub_stalls, without_a_name_nobody_is_held_up) {
  const auto first = open("");
  const auto second = open("");
  append(10);
  pass_until(1000s);
  EXPECT_FALSE(first->ended);
  EXPECT_FALSE(second->ended);
  EXPECT_EQ(figure("pulse_streams_stalled"), 2);
}

TEST_F(hub_stalls, zero_means_never) {
  start(0s);
  const auto first = open("mail");
  const auto second = open("mail");
  append(10);
  pass_until(1000s);
  EXPECT_FALSE(first->ended);
}

}  // namespace
}  // namespace pulse::streams
