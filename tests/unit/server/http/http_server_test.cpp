#include <thread>

#include "tests/unit/server/answers.hpp"
#include "tests/unit/server/running_server.hpp"

namespace pulse::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using http_server = running_server;

TEST_F(http_server, refuses_wrong_keys) {
  start();
  EXPECT_THAT(ask(ports.streams, upgrade("/stream", "bad-key")), is_error("401", "P6102"));
  EXPECT_THAT(
      ask(ports.streams,
          "GET /stream HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
          "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          "\r\n"),
      is_error("401", "P6102"));
  EXPECT_TRUE(on_server([&] { return host->requests.empty(); }));
}

TEST_F(http_server, refuses_stream_but_not_subscribe_without_event_persistence) {
  project.persistence = false;
  start();
  EXPECT_THAT(ask(ports.streams, upgrade("/stream")), is_error("403", "P6106"));
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(upgrade("/subscribe")));
  std::string answer;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(answer), "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
}

TEST_F(http_server, refuses_a_subscription_header_that_is_no_json) {
  start();
  EXPECT_THAT(ask(ports.streams, upgrade("/stream", "good-key", "{")), is_error("400", "P6100"));
}

TEST_F(http_server, says_when_the_table_is_unknown_and_when_the_database_cannot_be_asked) {
  project.refuse_resolve = error{errc::not_found, "there is no table \"User\""};
  start();
  EXPECT_THAT(ask(ports.streams, upgrade("/stream")), is_error("404", "P6100"));
  on_server([&] { project.refuse_resolve = error{errc::unavailable, "no connection"}; });
  EXPECT_THAT(ask(ports.streams, upgrade("/stream")), is_error("503", "P6101"));
}

TEST_F(http_server, refuses_what_the_hub_refuses_before_any_101) {
  host->refuse_open = error{errc::invalid_argument, "where.create.x: no such field"};
  start();
  const auto answer = ask(ports.streams, upgrade("/stream"));
  EXPECT_THAT(answer, is_error("400", "P6100"));
  EXPECT_THAT(answer, HasSubstr("where.create.x: no such field"));
}

TEST_F(http_server, asks_for_an_upgrade_where_there_is_none) {
  start();
  EXPECT_THAT(get(ports.streams, "/stream"),
              AllOf(is_error("426", "P6100"), HasSubstr("\r\nupgrade: websocket\r\n")));
}

TEST_F(http_server, answers_unknown_paths_and_methods) {
  start();
  EXPECT_THAT(get(ports.streams, "/"), is_error("404", "P6100"));
  EXPECT_THAT(get(ports.streams, "/metrics"), is_error("404", "P6100"));
  EXPECT_THAT(get(ports.streams, "/v1/projects"), is_error("404", "P6100"));
  EXPECT_THAT(get(ports.admin, "/stream"), is_error("404", "P6100"));
  EXPECT_THAT(
      ask(ports.streams, "POST /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
      is_error("405", "P6100"));
}

TEST_F(http_server, answers_what_is_no_http) {
  start();
  EXPECT_THAT(ask(ports.streams, "\x16\x03\x01 hello\r\n\r\n"), is_error("400", "P6100"));
}

TEST_F(http_server, takes_large_headers_and_refuses_too_large_ones) {
  start();
  const auto padded = [](std::size_t size) {
    return upgrade("/stream", "bad-key", a_subscription + std::string(size, ' ') + "x");
  };
  EXPECT_THAT(ask(ports.streams, padded(900'000)), is_error("401", "P6102"));
  EXPECT_THAT(ask(ports.streams, padded(1'200'000)), is_error("431", "P6100"));
}

TEST_F(http_server, refuses_more_large_requests_than_it_may_hold) {
  server_options options;
  options.request_bytes_max = 100'000;
  start(options);
  auto socket = connect(ports.streams);
  const auto request = "GET / HTTP/1.1\r\nhost: localhost\r\nx: " + std::string(200'000, 'x');
  boost::asio::write(socket, boost::asio::buffer(request));
  EXPECT_THAT(read_to_end(socket), is_error("503", "P6100"));
  EXPECT_THAT(get(ports.streams, "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server, keeps_connections_and_answers_pipelined_requests_in_order) {
  start();
  const auto answers = ask(ports.streams,
                           "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nHEAD /readyz "
                           "HTTP/1.1\r\nhost: localhost\r\n\r\n"
                           "GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  EXPECT_THAT(answers,
              ::testing::MatchesRegex("HTTP/1.1 200 OK(.|\n)*\r\n\r\nokHTTP/1.1 200 (.|\n)*"
                                      "\r\n\r\nHTTP/1.1 404 (.|\n)*"));
}

TEST_F(http_server, wants_one_host_header) {
  start();
  EXPECT_THAT(ask(ports.streams, "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n"),
              is_error("400", "P6100"));
  EXPECT_THAT(ask(ports.streams,
                  "GET /healthz HTTP/1.1\r\nhost: a\r\nHost: b\r\nconnection: close\r\n\r\n"),
              is_error("400", "P6100"));
  EXPECT_THAT(ask(ports.streams, "GET /healthz HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server, tells_a_client_that_waits_for_it_to_send_the_body) {
  start();
  auto socket = connect(ports.admin);
  boost::asio::write(socket, boost::asio::buffer(std::string(
                                 "POST /v1/projects/shop/keys HTTP/1.1\r\nhost: localhost\r\n"
                                 "authorization: Bearer admin-token\r\nconnection: close\r\n"
                                 "expect: 100-continue\r\ncontent-length: 13\r\n\r\n")));
  std::string answer;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(answer), "\r\n\r\n");
  EXPECT_EQ(answer, "HTTP/1.1 100 Continue\r\n\r\n");
  boost::asio::write(socket, boost::asio::buffer(std::string(R"({"label":"x"})")));
  EXPECT_THAT(read_to_end(socket), StartsWith("HTTP/1.1 201 "));
}

TEST_F(http_server, does_not_wait_for_ever_for_a_request_that_trickles) {
  start();
  for (const auto& where : {ports.streams, ports.admin}) {
    auto socket = connect(where);
    const std::string request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ";
    boost::asio::write(socket, boost::asio::buffer(request));
    for (int second = 0; second < 12; ++second) {
      clock.pass(std::chrono::seconds(1));
      boost::system::error_code gone;
      boost::asio::write(socket, boost::asio::buffer("y", 1), gone);
      get(where, "/healthz");  // the server has seen it, if it still looks
    }
    const auto answer = read_to_end(socket);
    EXPECT_THAT(answer, is_error("408", "P6100"));
  }
}

// Half-open: the answer goes nowhere, and nothing says so.
TEST_F(http_server, drops_a_client_that_takes_no_answer) {
  start();
  // More than the buffers of both sides hold.
  const std::string much(std::size_t{32} << 20U, 'x');
  on_server([&] {
    host->refuse_open = error{errc::unavailable, much};
    project.why_not_ready = much;
    return true;
  });
  const auto wait_for_open = [&](int connections) {
    const auto line = "pulse_connections_open " + std::to_string(connections) + '\n';
    while (on_server([&] { return figures.render(); }).find(line) == std::string::npos)
      std::this_thread::yield();
  };
  const std::pair<listen_address, std::string> questions[] = {
      {ports.streams, upgrade("/stream")},
      {ports.admin, "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n"}};
  for (const auto& [where, question] : questions) {
    auto socket = connect(where);
    boost::asio::write(socket, boost::asio::buffer(question));
    std::string begin(1, '\0');
    boost::asio::read(socket, boost::asio::buffer(begin));
    wait_for_open(1);
    clock.pass(std::chrono::seconds(11));
    wait_for_open(0);
  }
}

TEST_F(http_server, drops_a_connection_on_which_nothing_is_asked) {
  start();
  for (const auto& where : {ports.streams, ports.admin}) {
    auto never = connect(where);
    auto no_more = connect(where);
    boost::asio::write(
        no_more,
        boost::asio::buffer(std::string("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")));
    std::string answer;
    boost::asio::read_until(no_more, boost::asio::dynamic_buffer(answer), "\r\n\r\nok");
    clock.pass(std::chrono::seconds(11));
    EXPECT_EQ(read_to_end(never), "");
    clock.pass(std::chrono::seconds(61));
    EXPECT_EQ(read_to_end(no_more), "");
  }
}

TEST_F(http_server, does_not_wait_for_ever_for_a_request) {
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(
      socket, boost::asio::buffer(std::string("GET /stream HTTP/1.1\r\nhost: localhost\r\n")));
  get(ports.streams, "/healthz");  // the server has seen the first connection by now
  clock.pass(std::chrono::seconds(11));
  EXPECT_THAT(read_to_end(socket), ::testing::AnyOf("", is_error("408", "P6100")));
}

TEST_F(http_server, does_not_leave_a_client_hanging_when_a_stream_takes_too_long_to_open) {
  host->hold_open = true;
  start();
  std::promise<void> closed;
  host->on_close = [&] { closed.set_value(); };
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(upgrade("/stream")));
  while (on_server([&] { return host->held == nullptr; })) std::this_thread::yield();
  clock.pass(std::chrono::seconds(31));
  EXPECT_THAT(read_to_end(socket), is_error("503", "P6100"));
  // It opens too late: nobody is there, and it is closed again.
  on_server([&] { std::exchange(host->held, nullptr)(filters::stream_id{7}); });
  closed.get_future().wait();
  EXPECT_EQ(on_server([&] { return host->closed; }), std::vector{filters::stream_id{7}});
}

TEST_F(http_server, closes_the_stream_of_a_client_that_left_while_it_was_opened) {
  host->hold_open = true;
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(upgrade("/stream")));
  while (on_server([&] { return host->held == nullptr; })) std::this_thread::yield();
  socket.close();
  const auto closed = on_server([&] {
    std::exchange(host->held, nullptr)(filters::stream_id{7});
    return host->closed;
  });
  EXPECT_EQ(closed, std::vector{filters::stream_id{7}});
}

TEST_F(http_server, refuses_a_key_that_is_revoked_while_the_database_is_asked_for_the_table) {
  project.hold_resolve = true;
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(upgrade("/stream")));
  while (on_server([&] { return project.held == nullptr; })) std::this_thread::yield();
  on_server([&] {
    registry.keys.erase("good-key");
    under_test.end_sessions_of_key("key-1");
    std::exchange(project.held, nullptr)(fake_project::a_table());
  });
  EXPECT_THAT(read_to_end(socket), is_error("401", "P6102"));
  EXPECT_TRUE(on_server([&] { return host->requests.empty(); })) << "the stream's name is taken";
}

TEST_F(http_server,
       says_when_to_come_again_to_a_project_that_is_opening_and_not_to_one_that_failed) {
  project.why_not_serving = error{errc::unavailable, "the project is opening", "try again"};
  start();
  const auto answer = ask(ports.streams, upgrade("/stream"));
  EXPECT_THAT(answer, is_error("503", "P6100"));
  EXPECT_THAT(answer, HasSubstr("\r\nretry-after: 1\r\n"));
  EXPECT_THAT(answer, HasSubstr("the project is opening"));
  on_server([&] { project.why_not_serving = error{errc::corrupt, "the project is stopped"}; });
  const auto stopped = ask(ports.streams, upgrade("/subscribe"));
  EXPECT_THAT(stopped, is_error("500", "P6100"));
  EXPECT_THAT(stopped, ::testing::Not(HasSubstr("retry-after")));
}

TEST_F(http_server, refuses_a_stream_whose_project_is_removed_while_the_database_is_asked) {
  project.hold_resolve = true;
  fake_project another{io.get_executor(), figures};
  start();
  // Nobody is there any more, or another project of the same name.
  for (const bool replaced : {false, true}) {
    auto socket = connect(ports.streams);
    boost::asio::write(socket, boost::asio::buffer(upgrade("/stream")));
    while (on_server([&] { return project.held == nullptr; })) std::this_thread::yield();
    on_server([&] {
      const auto before = std::exchange(registry.one, nullptr);
      if (replaced) registry.one = {&another, [](project_service*) {}};
      std::exchange(project.held, nullptr)(fake_project::a_table());
      registry.one = before;
    });
    EXPECT_THAT(read_to_end(socket), is_error("404", "P6100"));
  }
  EXPECT_TRUE(on_server([&] { return host->requests.empty(); })) << "a stream's name is taken";
}

// The key becomes wrong on another thread; the open streams are ended a turn or more later.
TEST_F(http_server, refuses_a_key_that_is_revoked_while_its_stream_is_opened) {
  host->hold_open = true;
  for (const bool ended_first : {true, false}) {
    if (ended_first) start();
    registry.keys["good-key"] = "key-1";
    auto socket = connect(ports.streams);
    boost::asio::write(socket, boost::asio::buffer(upgrade("/stream")));
    while (on_server([&] { return host->held == nullptr; })) std::this_thread::yield();
    on_server([&] {
      registry.keys.erase("good-key");
      if (ended_first) under_test.end_sessions_of_key("key-1");
      std::exchange(host->held, nullptr)(filters::stream_id{7});
      if (!ended_first) under_test.end_sessions_of_key("key-1");
    });
    EXPECT_THAT(read_to_end(socket), is_error("401", "P6102"));
  }
  const std::vector both{filters::stream_id{7}, filters::stream_id{7}};
  EXPECT_EQ(on_server([&] { return host->closed; }), both);
}

TEST_F(http_server, ends_a_stream_whose_key_is_revoked_while_it_waits_for_acknowledgements) {
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(upgrade("/stream")));
  std::string all;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(all), "\r\n\r\n");
  on_server([&] {
    host->subscriber->send({}, "event");
    host->subscriber->end(streams::end_reason::shutdown, "Pulse is shutting down");
    under_test.end_sessions_of_key("key-1");
  });
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(all), "the API key was revoked");
  EXPECT_THAT(all, HasSubstr("\x03\xf0the API key was revoked"));  // 1008
}

TEST_F(http_server, says_how_it_is) {
  start();
  EXPECT_THAT(get(ports.streams, "/healthz"), ::testing::EndsWith("\r\n\r\nok"));
  EXPECT_THAT(get(ports.admin, "/readyz/"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get(ports.admin, "/capturez?x"), StartsWith("HTTP/1.1 200 "));
  on_server([&] {
    project.why_not_ready = "no catalog yet";
    project.status = {false, false, "connecting", "refused"};
  });
  EXPECT_THAT(get(ports.admin, "/readyz"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr(R"({"shop":"no catalog yet"})")));
  EXPECT_THAT(
      get(ports.streams, "/readyz"),
      AllOf(StartsWith("HTTP/1.1 503 "), ::testing::EndsWith("\r\n\r\n{\"status\":\"not ready\"}")))
      << "strangers are not told whose database it is";
  EXPECT_THAT(get(ports.admin, "/capturez"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr(R"("problem":"refused")")));
  EXPECT_THAT(get(ports.admin, "/metrics"), HasSubstr("\npulse_connections_accepted_total 7"));
}

TEST_F(http_server, says_which_address_is_taken) {
  start();
  server second(io.get_executor());
  server_options options;
  options.listen = {"127.0.0.1", 0};
  options.admin_listen = ports.streams;
  const auto bound = second.start(options, registry, backend, figures);
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, errc::conflict);
  EXPECT_THAT(bound.error().what, HasSubstr(to_string(ports.streams)));
  options.admin_listen = {"localhost", 1};
  EXPECT_EQ(second.start(options, registry, backend, figures).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace pulse::server
