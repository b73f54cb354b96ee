// What goes through an open WebSocket, and how it ends.
#include "tests/unit/server/websocket/websocket_server.hpp"

#include <gmock/gmock.h>

namespace pulse::server {
namespace {

using ::testing::StartsWith;

TEST_F(websocket_server, delivers_events_of_every_size_in_order) {
  start();
  auto socket = open();
  for (const std::size_t size : {2U, 125U, 126U, 65535U, 65536U, 3'000'000U}) {
    // Several in one turn, so that they are gathered.
    on_server([&] {
      for (int i = 0; i < 3; ++i) {
        host->subscriber->send({}, std::string(size, static_cast<char>('a' + i)));
      }
    });
    for (int i = 0; i < 3; ++i) {
      const auto got = receive(socket);
      ASSERT_TRUE(got == std::string(size, static_cast<char>('a' + i))) << size << ' ' << i;
    }
  }
}

TEST_F(websocket_server, hands_acknowledgements_on_in_any_spelling_and_fragmentation) {
  start();
  std::promise<void> all;
  host->on_acknowledge = [&] {
    if (host->acknowledged.size() == 200) all.set_value();
  };
  auto socket = open();
  for (int i = 0; i < 99; ++i) say(socket, an_ack);
  say(socket, R"({"type":"hello"})");  // of a later client: ignored
  say(socket, R"({"id":"01HYZ3T9QK7B2M4N6P8R0S1T2V", "type":"ack"})");
  socket.auto_fragment(true);
  socket.write_buffer_bytes(8);
  for (int i = 0; i < 100; ++i) say(socket, an_ack);
  all.get_future().wait();
  for (const auto& id : on_server([&] { return host->acknowledged; })) {
    ASSERT_EQ(to_string(id), an_id);
  }
  EXPECT_THAT(get(ports.admin, "/metrics"),
              ::testing::HasSubstr("\npulse_client_messages_ignored_total 1"));
}

TEST_F(websocket_server, takes_frames_that_come_together_with_the_upgrade_request) {
  start();
  std::promise<void> heard;
  host->on_acknowledge = [&] { heard.set_value(); };
  auto socket = connect(ports.streams);
  auto bytes = upgrade("/stream");
  bytes += static_cast<char>(0x81);
  bytes += static_cast<char>(0x80U | an_ack.size());
  bytes += std::string(4, '\0') + an_ack;
  boost::asio::write(socket, boost::asio::buffer(bytes));
  heard.get_future().wait();
}

TEST_F(websocket_server, answers_pings_while_events_flow) {
  start();
  auto socket = open();
  std::string pong;
  socket.control_callback([&](websocket::frame_type kind, boost::beast::string_view payload) {
    if (kind == websocket::frame_type::pong) pong = std::string(payload);
  });
  const std::string event(1000, 'e');
  on_server([&] {
    for (int i = 0; i < 500; ++i) host->subscriber->send({}, event);
  });
  socket.ping("are you there");
  say(socket, an_ack);
  while (on_server([&] { return host->acknowledged.empty(); })) std::this_thread::yield();
  send("last");
  for (int i = 0; i < 500; ++i) ASSERT_EQ(receive(socket), event);
  EXPECT_EQ(receive(socket), "last");
  EXPECT_EQ(pong, "are you there");
}

TEST_F(websocket_server, holds_a_bounded_amount_for_a_client_that_pings_and_never_reads) {
  start();
  auto socket = open();
  const std::string event(100'000, 'e');
  std::size_t sent = 0;
  // As the hub does: stop above a limit. The system's own buffers fill first.
  for (int full = 0; full < 3;) {
    const bool room = on_server([&] { return host->subscriber->unsent_bytes() <= 1'000'000; });
    full = room ? 0 : full + 1;
    if (room) {
      send(event);
      ++sent;
    }
  }
  const auto before = on_server([&] { return host->subscriber->unsent_bytes(); });
  for (int i = 0; i < 1000; ++i) socket.ping("0123456789");
  say(socket, an_ack);
  while (on_server([&] { return host->acknowledged.empty(); })) std::this_thread::yield();
  EXPECT_LE(on_server([&] { return host->subscriber->unsent_bytes(); }), before);

  std::promise<void> writable;
  on_server([&] { host->on_writable = [&] { writable.set_value(); }; });
  int pongs = 0;
  socket.control_callback([&](websocket::frame_type kind, boost::beast::string_view) {
    if (kind == websocket::frame_type::pong) ++pongs;
  });
  for (std::size_t i = 0; i < sent; ++i) ASSERT_TRUE(receive(socket) == event);
  writable.get_future().wait();
  send("last");
  EXPECT_EQ(receive(socket), "last");
  EXPECT_EQ(pongs, 1);
  on_server([&] { host->on_writable = nullptr; });
}

TEST_F(websocket_server, closes_with_the_code_of_what_was_wrong) {
  start();
  auto malformed = open();
  say(malformed, "no json");
  EXPECT_EQ(close_code_of(malformed), 1007U);

  auto not_utf8 = open();
  say(not_utf8, "{\"a\":\"\xE9\"}");
  EXPECT_EQ(close_code_of(not_utf8), 1007U);

  auto binary = open();
  binary.binary(true);
  say(binary, an_ack);
  EXPECT_EQ(close_code_of(binary), 1003U);

  auto too_big = open();
  boost::system::error_code cut_off;
  too_big.write(boost::asio::buffer(std::string(2'000'000, 'x')), cut_off);
  EXPECT_EQ(close_code_of(too_big), 1009U);

  auto unmasked = connect(ports.streams);
  boost::asio::write(unmasked, boost::asio::buffer(upgrade("/stream") + "\x81\x01x"));
  const auto answer = read_to_end(unmasked);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(answer, ::testing::HasSubstr("\x03\xEA"));  // 1002
  EXPECT_EQ(on_server([&] { return host->closed.size(); }), 5U);
}

TEST_F(websocket_server, answers_a_close_and_closes_the_stream) {
  start();
  auto socket = open("/subscribe/?x=1");
  EXPECT_EQ(on_server([&] { return host->requests.back().mode; }),
            requests::stream_mode::subscribe);
  socket.close(websocket::close_code::normal);
  EXPECT_EQ(socket.reason().code, 1000U);
  EXPECT_EQ(on_server([&] { return host->closed; }), std::vector{filters::stream_id{1}});
}

TEST_F(websocket_server, ends_the_stream_of_a_client_that_closes_half) {
  start();
  std::promise<void> closed;
  host->on_close = [&] { closed.set_value(); };
  auto socket = open();
  socket.next_layer().shutdown(tcp::socket::shutdown_send);
  closed.get_future().wait();
  EXPECT_EQ(receive(socket), "End of file");
}

TEST_F(websocket_server, ends_the_stream_of_a_client_that_resets) {
  start();
  std::promise<void> closed;
  host->on_close = [&] { closed.set_value(); };
  {
    auto socket = open();
    socket.next_layer().set_option(boost::asio::socket_base::linger(true, 0));
  }
  closed.get_future().wait();
}

TEST_F(websocket_server, probes_a_silent_client_and_drops_it_when_it_stays_silent) {
  start();
  std::promise<void> closed;
  host->on_close = [&] { closed.set_value(); };
  auto socket = open();
  clock.pass(std::chrono::seconds(5));
  send("event");
  EXPECT_EQ(receive(socket), "event");
  clock.pass(std::chrono::seconds(2));
  bool pinged = false;
  socket.control_callback(
      [&](websocket::frame_type kind, auto) { pinged |= kind == websocket::frame_type::ping; });
  // The client answers the ping by itself within this read.
  while (!pinged) {
    send("event");
    EXPECT_EQ(receive(socket), "event");
  }
  say(socket, an_ack);
  while (on_server([&] { return host->acknowledged.empty(); })) std::this_thread::yield();
  EXPECT_TRUE(on_server([&] { return host->closed.empty(); }));
  // Now it reads nothing and so answers nothing.
  clock.pass(std::chrono::seconds(61));
  on_server([] {});
  while (on_server([&] { return host->closed.empty(); })) {
    clock.pass(std::chrono::seconds(1));
    std::this_thread::yield();
  }
}

// A ping alone, that Beast has read with the handshake or not.
constexpr std::size_t first_ping_bytes = 12;

TEST_F(websocket_server, sends_events_once_the_client_has_answered_the_first_ping) {
  first_pong_timeout = std::chrono::hours(1);
  start();
  auto socket = open();
  const std::string event(100, 'e');
  send(event);
  // Two turns: whatever is to be written has been written by then.
  on_server([] {});
  on_server([] {});
  EXPECT_LE(socket.next_layer().available(), first_ping_bytes);
  // Beast answers while it waits for a message.
  EXPECT_EQ(receive(socket), event);
  send("another");
  EXPECT_EQ(receive(socket), "another");
}

TEST_F(websocket_server, sends_events_to_a_client_that_answers_no_ping) {
  first_pong_timeout = std::chrono::seconds(1);
  start();
  auto socket = open();
  const std::string event(100, 'e');
  send(event);
  on_server([] {});
  on_server([] {});
  EXPECT_LE(socket.next_layer().available(), first_ping_bytes);
  clock.pass(std::chrono::seconds(2));
  while (socket.next_layer().available() <= first_ping_bytes) std::this_thread::yield();
  EXPECT_EQ(receive(socket), event);
}

TEST_F(websocket_server, closes_the_streams_of_a_removed_project_as_those_of_a_revoked_key) {
  start();
  auto socket = open();
  on_server([&] {
    host->subscriber->end(streams::end_reason::project_removed, "the project was removed");
  });
  EXPECT_EQ(close_code_of(socket), 1008U);
  EXPECT_EQ(socket.reason().reason, "the project was removed");
}

TEST_F(websocket_server, closes_the_streams_of_a_revoked_key_only) {
  start();
  auto revoked = open("/stream", "good-key");
  auto other = open("/stream", "other-key");
  EXPECT_THAT(call("DELETE", "/v1/projects/shop/keys/key-1"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(close_code_of(revoked), 1008U);
  EXPECT_EQ(revoked.reason().reason, "the API key was revoked");
  EXPECT_EQ(on_server([&] { return host->closed; }), std::vector{filters::stream_id{1}});
  say(other, an_ack);
  while (on_server([&] { return host->acknowledged.empty(); })) std::this_thread::yield();
}

TEST_F(websocket_server, closes_with_the_reason_that_the_hub_gives) {
  start();
  auto socket = open();
  on_server([&] {
    std::exchange(host->subscriber, nullptr)
        ->end(streams::end_reason::failure, "the log cannot be read");
  });
  EXPECT_EQ(close_code_of(socket), 1011U);
  EXPECT_EQ(socket.reason().reason, "the log cannot be read");
  // The hub knows already.
  EXPECT_TRUE(on_server([&] { return host->closed.empty(); }));
}

TEST_F(websocket_server, waits_for_acknowledgements_before_closing_at_shutdown) {
  start();
  auto socket = open();
  send("event");
  EXPECT_EQ(receive(socket), "event");
  auto stopped = stop(std::chrono::seconds(10));
  // Two turns: whatever stopping wanted to send has been written by then.
  on_server([] {});
  on_server([] {});
  EXPECT_EQ(socket.next_layer().available(), 0U);
  say(socket, an_ack);
  EXPECT_EQ(close_code_of(socket), 1001U);
  EXPECT_EQ(socket.reason().reason, "Pulse is shutting down");
  stopped.wait();
  boost::system::error_code refused;
  tcp::socket late(client_io);
  late.connect({boost::asio::ip::make_address("127.0.0.1"), ports.streams.port}, refused);
  EXPECT_EQ(refused, boost::asio::error::connection_refused);
}

TEST_F(websocket_server, closes_nobody_at_shutdown_before_everybody_has_acknowledged) {
  start();
  auto quick = open();
  send("one");
  auto slow = open();
  send("two");
  auto stopped = stop(std::chrono::seconds(60));
  EXPECT_EQ(receive(quick), "one");
  say(quick, an_ack);
  while (on_server([&] { return host->acknowledged.empty(); })) std::this_thread::yield();
  // As long as somebody acknowledges now and then, the bound from one to the next does not pass.
  on_server([&] { clock.pass(std::chrono::milliseconds(1900)); });
  on_server([] {});
  EXPECT_EQ(quick.next_layer().available(), 0U) << "closed while another is still waited for";
  EXPECT_EQ(receive(slow), "two");
  say(slow, an_ack);
  EXPECT_EQ(close_code_of(slow), 1001U);
  EXPECT_EQ(close_code_of(quick), 1001U);
  stopped.wait();
}

TEST_F(websocket_server, keeps_the_addresses_open_for_a_successor) {
  start();
  listening_sockets kept;
  on_server([&] { kept = under_test.release_sockets(); });
  stop(std::chrono::seconds(1)).wait();
  auto waiting = connect(ports.streams);  // is not refused
  server successor{io.get_executor()};
  on_server([&] {
    server_options options;
    options.clock = &clock;
    options.tick_interval = std::chrono::milliseconds(1);
    const auto bound = successor.start(
        options, registry, backend, figures,
        [this](project_service&) -> std::shared_ptr<stream_host> { return host; }, std::move(kept));
    ASSERT_TRUE(bound) << bound.error().message();
    EXPECT_EQ(bound->streams, ports.streams);
    EXPECT_EQ(bound->admin, ports.admin);
  });
  boost::asio::write(waiting, boost::asio::buffer(std::string("GET /healthz HTTP/1.0\r\n\r\n")));
  EXPECT_THAT(read_to_end(waiting), StartsWith("HTTP/1.1 200"));
  std::promise<void> ended;
  on_server([&] { successor.stop(std::chrono::seconds(0), [&] { ended.set_value(); }); });
  ended.get_future().wait();
}

TEST_F(websocket_server, opens_the_stream_that_was_asked_for_just_before_it_stops) {
  host->hold_open = true;
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(upgrade("/stream")));
  while (on_server([&] { return host->held == nullptr; })) std::this_thread::yield();
  auto stopped = stop(std::chrono::seconds(10));
  on_server([&] { std::exchange(host->held, nullptr)(filters::stream_id{7}); });
  std::string answer;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(answer), "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101"));
  socket.close();
  stopped.wait();
}

TEST_F(websocket_server, stops_within_its_limit_whatever_clients_do) {
  start();
  auto socket = open();
  send("event");
  auto stopped = stop(std::chrono::seconds(10));
  on_server([] {});
  clock.pass(std::chrono::seconds(3));  // no acknowledgement
  on_server([] {});
  clock.pass(std::chrono::seconds(8));  // no close
  stopped.wait();
}

}  // namespace
}  // namespace pulse::server
