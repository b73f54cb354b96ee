// Answers that stream, over real connections.
#include "server/http/http_stream.hpp"

#include <thread>

#include "tests/unit/server/answers.hpp"
#include "tests/unit/server/running_server.hpp"
#include "tests/unit/server/streaming_route.hpp"

namespace pulse::server::http_stream_test {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class http_stream_server : public running_server {
 protected:
  void start_streaming(server_options options = {}) {
    options.routes = &route.table;
    start(options);
  }
  void TearDown() override {
    running_server::TearDown();
    route.held.reset();
    route.stream.reset();
  }

  static std::string request(const std::string& target, const std::string& more = {},
                             const std::string& version = "HTTP/1.1") {
    return "GET " + target + ' ' + version + "\r\nhost: localhost\r\n" + more + "\r\n";
  }
  tcp::socket ask_for(const std::string& text, int begun = 1) {
    auto socket = connect(ports.streams);
    boost::asio::write(socket, boost::asio::buffer(text));
    while (on_server([&] { return route.begun < begun; })) std::this_thread::yield();
    return socket;
  }
  // What the kernel takes of it has left when this returns.
  bool send(const std::string& bytes) {
    const bool taken = on_server([&] { return route.stream->send(bytes); });
    on_server([] {});
    return taken;
  }
  void finish() {
    on_server([&] { route.stream->finish(); });
  }
  static std::string read_through(tcp::socket& socket, const std::string& end) {
    std::string all;
    boost::system::error_code failed;
    const auto size =
        boost::asio::read_until(socket, boost::asio::dynamic_buffer(all), end, failed);
    EXPECT_FALSE(failed) << all.substr(0, 1000);
    EXPECT_EQ(size, all.size()) << "more has come";
    return all;
  }
  // Until the connection ends, in whichever way.
  static std::string read_rest(tcp::socket& socket) {
    std::string all;
    boost::system::error_code ended;
    boost::asio::read(socket, boost::asio::dynamic_buffer(all), ended);
    EXPECT_NE(ended, boost::asio::error::try_again) << "still open";
    return all;
  }
  void wait_for_open(int connections) {
    const auto line = "pulse_connections_open " + std::to_string(connections) + '\n';
    while (on_server([&] { return figures.render(); }).find(line) == std::string::npos)
      std::this_thread::yield();
  }
  // Until the server has looked at all its connections, which shows in how many it says are open.
  void wait_for_a_tick() {
    wait_for_open(1);
    {
      const auto other = connect(ports.streams);
      wait_for_open(2);
    }
    wait_for_open(1);
  }
  std::optional<stream_end> wait_for_end() {
    while (on_server([&] { return !route.producer->end; })) std::this_thread::yield();
    return on_server([&] { return route.producer->end; });
  }

  streaming_route route;
};

TEST_F(http_stream_server, sends_chunks_as_they_come_and_takes_the_next_request_afterwards) {
  start_streaming();
  auto socket = ask_for(request("/streamed"));
  EXPECT_THAT(
      read_through(socket, "6\r\nbegin\n\r\n"),
      AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\ntransfer-encoding: chunked\r\n"),
            HasSubstr("\r\ncontent-type: application/x-ndjson\r\n"),
            HasSubstr("\r\ncache-control: no-store\r\n"), Not(HasSubstr("content-length")),
            HasSubstr("\r\nconnection: keep-alive\r\n")));
  EXPECT_TRUE(send("one"));
  EXPECT_EQ(read_through(socket, "3\r\none\r\n"), "3\r\none\r\n");
  EXPECT_THAT(figures.render(), HasSubstr("\npulse_streamed_answers_open 1\n"));
  EXPECT_TRUE(send("two"));
  finish();
  EXPECT_EQ(read_through(socket, "0\r\n\r\n"), "3\r\ntwo\r\n0\r\n\r\n");
  EXPECT_FALSE(send("three"));
  boost::asio::write(socket, boost::asio::buffer(request("/healthz")));
  EXPECT_THAT(read_through(socket, "\r\n\r\nok"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(figures.render(), HasSubstr("\npulse_streamed_answers_open 0\n"));
  EXPECT_FALSE(on_server([&] { return route.producer->end; })) << "the handler has ended it itself";
}

TEST_F(http_stream_server, answers_requests_that_came_meanwhile_when_it_has_ended) {
  start_streaming();
  std::string requests = request("/streamed");
  // More than is read while an answer streams.
  for (int i = 0; i < 200; ++i) requests += request("/healthz");
  requests += request("/healthz", "connection: close\r\n");
  auto socket = ask_for(requests);
  EXPECT_THAT(read_through(socket, "6\r\nbegin\n\r\n"), StartsWith("HTTP/1.1 200 "));
  finish();
  const auto rest = read_to_end(socket);
  EXPECT_THAT(rest, StartsWith("0\r\n\r\nHTTP/1.1 200 "));
  std::size_t answers = 0;
  for (auto at = rest.find("\r\n\r\nok"); at != std::string::npos;
       at = rest.find("\r\n\r\nok", at + 1))
    ++answers;
  EXPECT_EQ(answers, 201U);
}

TEST_F(http_stream_server, closes_when_asked_to_and_streams_to_http_1_0_until_then) {
  start_streaming();
  auto closing = ask_for(request("/streamed", "connection: close\r\n"));
  finish();
  EXPECT_THAT(read_to_end(closing), EndsWith("\r\n\r\n6\r\nbegin\n\r\n0\r\n\r\n"));
  auto old = ask_for(request("/streamed", "connection: keep-alive\r\n", "HTTP/1.0"), 2);
  EXPECT_TRUE(send("one"));
  finish();
  EXPECT_THAT(read_to_end(old), AllOf(HasSubstr("\r\nconnection: close\r\n"),
                                      Not(HasSubstr("chunked")), EndsWith("\r\n\r\nbegin\none")));
}

TEST_F(http_stream_server, answers_head_with_the_head_alone) {
  start_streaming();
  const auto answer =
      ask(ports.streams, "HEAD /streamed HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  EXPECT_THAT(answer, AllOf(HasSubstr("\r\ntransfer-encoding: chunked\r\n"), EndsWith("\r\n\r\n"),
                            Not(HasSubstr("begin"))));
  EXPECT_TRUE(on_server([&] { return route.stream == nullptr && !route.producer->end; }));
}

TEST_F(http_stream_server, holds_no_more_for_a_slow_reader_than_its_bound) {
  start_streaming();
  auto socket = ask_for(request("/streamed", "connection: close\r\n"));
  const std::string piece(10'000, 'x');
  const std::size_t bound = server_options().stream_unsent_bytes_max;
  std::size_t sent = 0;
  std::size_t most_held = 0;
  const auto fill = [&] {
    while (route.stream->send(piece)) ++sent;
    most_held = std::max(most_held, route.stream->unsent_bytes());
  };
  // What the kernel takes is not held here: it stops taking in the end.
  on_server([&] { route.producer->on_writable = fill; });
  on_server(fill);
  std::size_t before = 0;
  do {
    before = on_server([&] { return sent; });
    wait_for_a_tick();
  } while (before != on_server([&] { return sent; }));
  EXPECT_GE(on_server([&] { return route.stream->unsent_bytes(); }), bound / 2);
  on_server([&] { route.producer->on_writable = [&] { route.stream->finish(); }; });
  const auto all = read_to_end(socket);
  const auto body = all.substr(all.find("\r\n\r\n"));
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(body, 'x')),
            on_server([&] { return sent; }) * piece.size())
      << "all that was taken arrives";
  EXPECT_THAT(all, EndsWith("\r\n0\r\n\r\n"));
  EXPECT_GE(most_held, bound);
  EXPECT_LE(most_held, bound + piece.size() + 16);
}

TEST_F(http_stream_server, cuts_off_a_client_that_takes_nothing_for_too_long) {
  start_streaming();
  auto socket = ask_for(request("/streamed"));
  const auto pass = [&](std::chrono::seconds time) {
    clock.pass(time);
    wait_for_a_tick();
  };
  pass(std::chrono::seconds(1000));
  EXPECT_FALSE(on_server([&] { return route.producer->end; })) << "there is nothing to take";
  const std::string piece(100'000, 'x');
  std::size_t taken = 0;
  on_server([&] {
    route.producer->on_writable = [&] {
      while (route.stream->send(piece)) ++taken;
    };
    route.producer->on_writable();
  });
  std::size_t before = 0;
  do {
    before = on_server([&] { return taken; });
    wait_for_a_tick();
  } while (before != on_server([&] { return taken; }));
  pass(std::chrono::seconds(59));
  EXPECT_FALSE(on_server([&] { return route.producer->end; }));
  clock.pass(std::chrono::seconds(2));
  EXPECT_EQ(wait_for_end(), stream_end::stalled);
  EXPECT_THAT(figures.render(), HasSubstr("\npulse_streamed_answers_stalled_total 1\n"));
}

TEST_F(http_stream_server, tells_the_handler_when_the_client_goes_away) {
  start_streaming();
  auto socket = ask_for(request("/streamed"));
  socket.close();
  EXPECT_EQ(wait_for_end(), stream_end::client_gone);
  EXPECT_FALSE(send("x"));
}

TEST_F(http_stream_server, lets_the_client_see_that_a_body_was_cut_off) {
  start_streaming();
  auto socket = ask_for(request("/streamed"));
  on_server([&] { route.stream->cut(); });
  EXPECT_THAT(read_rest(socket), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_FALSE(on_server([&] { return route.producer->end; }));
}

TEST_F(http_stream_server, has_so_many_open_and_no_more) {
  server_options options;
  options.streamed_answers_max = 1;
  start_streaming(options);
  auto first = ask_for(request("/streamed"));
  const auto stream = on_server([&] { return route.stream; });
  EXPECT_THAT(ask(ports.streams, request("/streamed", "connection: close\r\n")),
              AllOf(is_error("503", "P6100"), HasSubstr("\r\nretry-after: 1\r\n")));
  EXPECT_EQ(on_server([&] { return route.stream; }), nullptr);
  on_server([&] { stream->finish(); });
  read_through(first, "0\r\n\r\n");
  auto next = ask_for(request("/streamed"), 3);
  EXPECT_THAT(read_through(next, "6\r\nbegin\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_stream_server, counts_them_as_connections_that_are_no_strangers) {
  server_options options;
  options.connections_max = 2;
  options.connections_per_address_max = 1;
  start_streaming(options);
  auto first = ask_for(request("/streamed"));
  EXPECT_THAT(get(ports.streams, "/healthz"), StartsWith("HTTP/1.1 200 "))
      << "not 429: it is no stranger";
  wait_for_open(1);
  auto second = ask_for(request("/streamed"), 2);
  EXPECT_THAT(get(ports.streams, "/healthz"), is_error("503", "P6100"));
  EXPECT_TRUE(send("x")) << "none was closed to make room";
}

TEST_F(http_stream_server, ends_what_a_revoked_key_has_opened) {
  start_streaming();
  const std::string authorization = "authorization: Bearer good-key\r\n";
  auto others = ask_for(request("/streamed/mine", "authorization: Bearer other-key\r\n"));
  const auto stream = on_server([&] { return route.stream; });
  auto socket = ask_for(request("/streamed/mine", authorization), 2);
  on_server([&] {
    registry.keys.erase("good-key");
    under_test.end_sessions_of_key("key-1");
  });
  EXPECT_EQ(wait_for_end(), stream_end::key_revoked);
  EXPECT_THAT(read_rest(socket), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_TRUE(on_server([&] { return stream->send("x"); }));
}

TEST_F(http_stream_server, refuses_a_key_that_is_revoked_before_the_answer_begins) {
  start_streaming();
  on_server([&] { route.holds = true; });
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(request("/streamed/mine",
                                                         "authorization: Bearer good-key\r\n"
                                                         "connection: close\r\n")));
  while (on_server([&] { return route.held == nullptr; })) std::this_thread::yield();
  on_server([&] {
    registry.keys.erase("good-key");
    route.begin(*route.held);
  });
  EXPECT_THAT(read_to_end(socket), is_error("401", "P6102"));
}

TEST_F(http_stream_server, begins_nothing_once_the_client_was_told_that_it_takes_too_long) {
  start_streaming();
  on_server([&] { route.holds = true; });
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(request("/streamed")));
  while (on_server([&] { return route.held == nullptr; })) std::this_thread::yield();
  clock.pass(std::chrono::seconds(31));
  EXPECT_THAT(read_to_end(socket), is_error("503", "P6100"));
  on_server([&] { route.begin(*route.held); });
  EXPECT_EQ(on_server([&] { return route.stream; }), nullptr);
}

TEST_F(http_stream_server, lets_handlers_finish_when_it_stops) {
  start_streaming();
  auto socket = ask_for(request("/streamed"));
  on_server([&] {
    route.producer->on_stopping = [&] {
      route.stream->send("last words");
      route.stream->finish();
    };
  });
  auto stopped = stop(std::chrono::seconds(20));
  EXPECT_THAT(read_to_end(socket), EndsWith("a\r\nlast words\r\n0\r\n\r\n"));
  stopped.wait();
  EXPECT_FALSE(on_server([&] { return route.producer->end; }));
}

TEST_F(http_stream_server, cuts_off_what_is_not_finished_when_it_stops) {
  start_streaming();
  auto socket = ask_for(request("/streamed"));
  auto stopped = stop(std::chrono::seconds(20));
  while (on_server([&] { return route.producer->stopping_calls == 0; })) std::this_thread::yield();
  EXPECT_TRUE(send("still working")) << "it has options.draining_timeout";
  clock.pass(std::chrono::seconds(3));
  EXPECT_THAT(read_rest(socket), AllOf(HasSubstr("still working"), Not(HasSubstr("0\r\n\r\n"))));
  EXPECT_EQ(wait_for_end(), stream_end::shutdown);
  stopped.wait();
}

}  // namespace pulse::server::http_stream_test
