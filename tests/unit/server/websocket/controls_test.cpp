// What a client that speaks protocol 2 is told, and may say, besides events and their
// acknowledgements one by one.
#include <chrono>
#include <string>

#include <gmock/gmock.h>

#include "server/websocket/websocket_frames.hpp"
#include "tests/unit/server/websocket/websocket_server.hpp"

namespace pulse::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class stream_controls : public websocket_server {
 protected:
  client open_two(const std::string& stream = "{}") {
    return open("/stream", "good-key", "2", stream);
  }
  const event_id known_ = *parse_event_id(an_id);
};

TEST_F(stream_controls, a_client_is_told_that_its_stream_is_open_and_when_it_has_caught_up) {
  start();
  auto socket = open_two(R"({"window":5})");
  EXPECT_THAT(receive(socket), MatchesRegex(R"(\{"pulse":"open","requestId":"[^"]+"\})"));
  EXPECT_EQ(on_server([&] { return host->window_events_max; }), 5U);
  send("event");
  on_server([&] { host->awaited.at(0).second(); });
  EXPECT_EQ(receive(socket), "event");
  EXPECT_EQ(receive(socket), R"({"pulse":"caught_up"})");
}

TEST_F(stream_controls, a_client_that_waits_for_its_name_is_told_who_has_it) {
  start();
  on_server([&] {
    host->holds = {streams::holder_kind::pull, unix_time_us(std::chrono::seconds(1'700'000'000))};
  });
  auto socket = open_two(R"({"name":"mail"})");
  EXPECT_THAT(receive(socket),
              HasSubstr(R"("waiting":{"kind":"pull","since":"2023-11-14T22:13:20.000Z"})"));
}

TEST_F(stream_controls, a_heartbeat_comes_while_nothing_else_is_said) {
  start();
  auto socket = open_two();
  receive(socket);
  // Its pongs keep the connection.
  on_server([&] { clock.pass(std::chrono::seconds(5)); });
  std::string said;
  for (int i = 0; i < 4 && said.empty(); ++i) {
    say(socket, an_ack);
    while (on_server([&] { return host->acknowledged.size() <= static_cast<std::size_t>(i); })) {
    }
    on_server([&] { clock.pass(std::chrono::seconds(5)); });
    if (i == 2) said = receive(socket);
  }
  EXPECT_EQ(said, R"({"pulse":"heartbeat"})");
}

TEST_F(stream_controls, several_events_are_acknowledged_at_once) {
  start();
  auto socket = open_two();
  receive(socket);
  const auto id = std::string(an_id);
  say(socket, R"({"type":"ack","ids":[")" + id + R"(",")" + id + R"("]})");
  say(socket, R"({"type":"ack","through":")" + id + R"("})");
  while (on_server([&] { return host->acknowledged_through.empty(); })) {
  }
  on_server([&] {
    EXPECT_THAT(host->acknowledged, ElementsAre(known_, known_));
    EXPECT_THAT(host->acknowledged_through, ElementsAre(known_));
  });
}

TEST_F(stream_controls, who_acknowledges_through_an_event_is_not_waited_for_at_shutdown) {
  start();
  auto socket = open_two();
  receive(socket);
  send("one");
  send("two");
  receive(socket);
  receive(socket);
  on_server([&] { host->acknowledges_through = 2; });
  say(socket, R"({"type":"ack","through":")" + std::string(an_id) + R"("})");
  while (on_server([&] { return host->acknowledged_through.empty(); })) {
  }
  auto stopped = stop(std::chrono::seconds(60));
  EXPECT_EQ(close_code_of(socket), 1001U);
  stopped.wait();
}

TEST_F(stream_controls, who_does_not_ask_is_told_nothing) {
  start();
  auto socket = open();
  EXPECT_TRUE(on_server([&] { return host->awaited.empty(); }));
  send("event");
  EXPECT_EQ(receive(socket), "event");
}

TEST_F(stream_controls, another_protocol_or_another_wish_is_refused) {
  start();
  const auto refusal = [&](const std::string& protocol, const std::string& stream) {
    try {
      open("/stream", "good-key", protocol, stream);
    } catch (const boost::system::system_error& refused) {
      return refused.code() == websocket::error::upgrade_declined;
    }
    return false;
  };
  EXPECT_TRUE(refusal("3", "{}"));
  EXPECT_TRUE(refusal("2", R"({"windw":5})"));
  EXPECT_FALSE(refusal("2", R"({"window":5})"));
}

}  // namespace
}  // namespace pulse::server
