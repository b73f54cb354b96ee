// Event streams over real connections, with a hub that does what the test says.
#include <fstream>
#include <thread>

#include <boost/json/parse.hpp>

#include "server/events/event_text.hpp"
#include "tests/unit/server/answers.hpp"
#include "tests/unit/server/running_server.hpp"

namespace pulse::server::event_stream_test {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string orders = "/v1/streams/mail/events?table=public.orders";

event_id id_of(std::uint32_t count) {
  return make_event_id(1'700'000'000'000, lsn{16}, count);
}

class event_stream : public running_server {
 protected:
  event_stream() { host->last_id = id_of(1000); }

  // HTTP/1.0: the body comes as it is, and ends with the connection.
  static std::string request(const std::string& target, const std::string& headers = {},
                             const std::string& version = "1.0",
                             const std::string& method = "GET") {
    return method + ' ' + target + " HTTP/" + version +
           "\r\nhost: localhost\r\nauthorization: Bearer good-key\r\n" + headers + "\r\n";
  }
  tcp::socket open(const std::string& target = orders, const std::string& headers = {},
                   const std::string& version = "1.0") {
    auto socket = connect(ports.streams);
    boost::asio::write(socket, boost::asio::buffer(request(target, headers, version)));
    return socket;
  }
  // All that has come, once `text` has.
  static std::string read_through(tcp::socket& socket, const std::string& text) {
    std::string all;
    boost::system::error_code failed;
    boost::asio::read_until(socket, boost::asio::dynamic_buffer(all), text, failed);
    EXPECT_FALSE(failed) << failed.message() << '\n' << all;
    return all;
  }
  void send(std::uint32_t count, const std::string& json = "{}") {
    on_server([&] { host->subscriber->send(id_of(count), json); });
  }
  void wait_until(const std::function<bool()>& is_so) {
    while (!on_server(is_so)) std::this_thread::yield();
  }
  void wait_for_close() {
    wait_until([&] { return !host->closed.empty(); });
  }
  static std::string event(std::uint32_t count) {
    return "id: " + to_string(id_of(count)) + "\ndata: {}\n\n";
  }
};

TEST_F(event_stream, sends_what_a_plain_event_source_reads) {
  start();
  auto socket = open();
  EXPECT_THAT(
      read_through(socket, "}\n\n"),
      AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\ncontent-type: text/event-stream\r\n"),
            HasSubstr("\r\nx-accel-buffering: no\r\n"),
            HasSubstr("\r\ncache-control: no-store\r\n"),
            HasSubstr("\r\n\r\nretry: 1000\n\nevent: pulse\ndata: {\"opened\":{")));
  send(1);
  send(2);
  EXPECT_EQ(read_through(socket, event(2)), event(1) + event(2));
  EXPECT_EQ(on_server([&] { return host->kind; }), streams::holder_kind::event_stream);
  EXPECT_EQ(on_server([&] { return host->window_events_max; }), 1000U);
  EXPECT_EQ(on_server([&] { return host->window_bytes_max; }), std::size_t{4} << 20U);
  EXPECT_EQ(on_server([&] { return host->requests.at(0).name; }), "mail");
  EXPECT_EQ(on_server([&] { return host->requests.at(0).model.schema; }), "public");
  EXPECT_EQ(on_server([&] { return host->requests.at(0).model.table; }), "orders");
  EXPECT_EQ(on_server([&] { return host->requests.at(0).form; }), requests::event_form::native);
}

TEST_F(event_stream, sends_a_line_an_event_to_who_asks_for_that) {
  start();
  auto socket = open(orders, "accept: application/x-ndjson\r\n");
  EXPECT_THAT(read_through(socket, "}}}\n"),
              AllOf(HasSubstr("\r\ncontent-type: application/x-ndjson\r\n"),
                    HasSubstr("\r\n\r\n{\"pulse\":{\"opened\":{")));
  send(1, "{\"id\":1}");
  EXPECT_EQ(read_through(socket, "\n"), "{\"id\":1}\n");
}

TEST_F(event_stream, is_what_the_contract_says) {
  start();
  std::ifstream file(std::string(PULSE_SOURCE_DIR) + "/contract/event_streams.json");
  const auto requests = boost::json::parse(file).at("requests").as_array();
  EXPECT_GE(requests.size(), 20U);
  for (const auto& one : requests) {
    const std::string target(one.at("target").as_string());
    std::string headers;
    if (const auto* given = one.as_object().if_contains("headers")) {
      for (const auto& [name, value] : given->as_object())
        headers += std::string(name) + ": " + std::string(value.as_string()) + "\r\n";
    }
    auto socket = open(target, headers);
    const auto status = "HTTP/1.1 " + std::to_string(one.at("status").as_int64()) + ' ';
    if (const auto* message = one.as_object().if_contains("message")) {
      EXPECT_THAT(read_to_end(socket),
                  AllOf(StartsWith(status), HasSubstr(std::string(message->as_string()))))
          << target;
    } else {
      EXPECT_THAT(read_through(socket, "\r\n\r\n"), StartsWith(status)) << target;
    }
  }
}

TEST_F(event_stream, takes_no_secret_from_a_url) {
  start();
  for (const auto* secret : {"key=good-key", "apiKey=good-key", "access_token=x"}) {
    const auto answer =
        ask(ports.streams, "GET " + orders + '&' + secret + " HTTP/1.0\r\nhost: localhost\r\n\r\n");
    EXPECT_THAT(answer, AllOf(is_error("400", "P6100"), HasSubstr("a secret stands in the URL"),
                              Not(HasSubstr("good-key"))));
  }
  EXPECT_TRUE(on_server([&] { return host->requests.empty(); }));
}

TEST_F(event_stream, acknowledges_through_the_last_id_before_it_sends_anything) {
  start();
  auto socket = open(orders, "last-event-id: " + to_string(id_of(7)) + "\r\n");
  EXPECT_THAT(read_through(socket, "}\n\n"),
              HasSubstr("\"acknowledgedThrough\":\"" + to_string(id_of(7)) + '"'));
  EXPECT_EQ(on_server([&] { return host->acknowledged_through; }), std::vector{id_of(7)});
}

TEST_F(event_stream, acknowledges_nothing_by_an_id_that_was_never_given) {
  start();
  auto socket = open(orders, "last-event-id: " + to_string(id_of(1001)) + "\r\n");
  EXPECT_THAT(read_through(socket, "}\n\n"), HasSubstr("\"acknowledgedThrough\":null"));
}

TEST_F(event_stream, ends_in_order_when_it_waits_for_an_acknowledgement) {
  start();
  auto socket = open(orders, "", "1.1");
  read_through(socket, "}\n\n\r\n");
  send(1);
  on_server([&] { host->subscriber->waits_for_acknowledgement(); });
  EXPECT_THAT(read_through(socket, "0\r\n\r\n"),
              AllOf(HasSubstr(event(1)),
                    HasSubstr("event: pulse\ndata: {\"ended\":{\"reason\":"
                              "\"acknowledge\""),
                    HasSubstr("retry: 100\n\n"), EndsWith("\r\n0\r\n\r\n")));
  wait_for_close();
  EXPECT_EQ(on_server([&] { return host->closed.size(); }), 1U);
  // The connection takes the next request.
  boost::asio::write(socket, boost::asio::buffer(request(
                                 orders, "last-event-id: " + to_string(id_of(1)) + "\r\n", "1.1")));
  EXPECT_THAT(read_through(socket, "}\n\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(on_server([&] { return host->acknowledged_through; }), std::vector{id_of(1)});
}

TEST_F(event_stream, ends_a_minute_after_its_first_event) {
  start();
  auto socket = open();
  read_through(socket, "}\n\n");
  clock.pass(std::chrono::hours(1));
  read_through(socket, ": hb\n\n");
  send(1);
  clock.pass(std::chrono::milliseconds(59'999));
  EXPECT_EQ(read_through(socket, ": hb\n\n"), event(1) + ": hb\n\n");
  clock.pass(std::chrono::milliseconds(1));
  EXPECT_THAT(read_to_end(socket),
              AllOf(StartsWith("event: pulse\ndata: {\"ended\":{\"reason\":\"acknowledge\""),
                    EndsWith("retry: 100\n\n")));
  wait_for_close();
  EXPECT_EQ(on_server([&] { return host->closed.size(); }), 1U);
}

TEST_F(event_stream, says_that_it_is_alive_when_it_has_nothing_else_to_say) {
  start();
  auto socket = open();
  read_through(socket, "}\n\n");
  clock.pass(std::chrono::milliseconds(14'999));
  send(1);
  clock.pass(std::chrono::milliseconds(14'999));
  send(2);
  clock.pass(std::chrono::milliseconds(15'000));
  EXPECT_EQ(read_through(socket, ": hb\n\n"), event(1) + event(2) + ": hb\n\n");
  auto lines = open(orders, "accept: application/x-ndjson\r\n");
  read_through(lines, "}}}\n");
  clock.pass(std::chrono::milliseconds(15'000));
  EXPECT_EQ(read_through(lines, "\n"), "{\"pulse\":{\"heartbeat\":true}}\n");
}

TEST_F(event_stream, waits_in_line_and_says_for_whom) {
  host->holds = streams::name_holder{streams::holder_kind::websocket,
                                     unix_time_us(std::chrono::seconds(1'700'000'000))};
  start();
  auto socket = open();
  EXPECT_THAT(read_through(socket, "Z\"}}\n\n"),
              EndsWith("event: pulse\ndata: {\"waiting\":{\"holder\":\"websocket\",\"since\":"
                       "\"2023-11-14T22:13:20.000Z\"}}\n\n"));
  send(1);
  EXPECT_EQ(read_through(socket, event(1)), event(1));
}

TEST_F(event_stream, until_the_end_says_that_it_has_caught_up_and_ends) {
  start();
  auto socket = open(orders + "&until=end");
  read_through(socket, "}\n\n");
  EXPECT_EQ(on_server([&] { return host->awaited.at(0).first; }), project.end->at);
  send(1);
  on_server([&] { host->awaited.at(0).second(); });
  EXPECT_EQ(read_to_end(socket), event(1) + "event: pulse\nid: " + to_string(id_of(1)) +
                                     ".end\ndata: {\"caughtUp\":true}\n\n");
  wait_for_close();
  EXPECT_EQ(on_server([&] { return host->closed.size(); }), 1U);
}

TEST_F(event_stream, confirms_an_end_with_204_once_the_cursor_has_come_there) {
  start();
  auto socket = open(orders + "&until=end", "last-event-id: " + to_string(id_of(1)) + ".end\r\n");
  wait_until([&] { return !host->awaited.empty(); });
  EXPECT_EQ(on_server([&] { return host->acknowledged_through; }), std::vector{id_of(1)});
  // Only its id has said so: it comes by again.
  send(1);
  EXPECT_EQ(on_server([&] { return host->closed.size(); }), 0U);
  on_server([&] { host->awaited.at(0).second(); });
  EXPECT_THAT(read_to_end(socket),
              AllOf(StartsWith("HTTP/1.1 204 No Content\r\n"), Not(HasSubstr("content-length"))));
  wait_for_close();
  EXPECT_EQ(on_server([&] { return host->closed.size(); }), 1U);
}

TEST_F(event_stream, confirms_an_end_although_events_have_come_since) {
  start();
  auto socket = open(orders + "&until=end", "last-event-id: end\r\n");
  wait_until([&] { return !host->awaited.empty(); });
  send(1);
  EXPECT_THAT(read_to_end(socket), StartsWith("HTTP/1.1 204 "));
  wait_for_close();
  EXPECT_EQ(on_server([&] { return host->closed.size(); }), 1U);
}

TEST_F(event_stream, confirms_no_end_after_an_event_that_was_never_given) {
  start();
  auto socket =
      open(orders + "&until=end", "last-event-id: " + to_string(id_of(1001)) + ".end\r\n");
  EXPECT_THAT(read_through(socket, "}\n\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(event_stream, leaves_an_end_to_the_holder_of_the_name) {
  host->holds = streams::name_holder{};
  start();
  auto socket = open(orders + "&until=end", "last-event-id: end\r\n");
  EXPECT_THAT(read_to_end(socket), StartsWith("HTTP/1.1 204 "));
}

TEST_F(event_stream, confirms_no_end_that_is_not_durable) {
  host->saves = false;
  start();
  auto socket = open(orders + "&until=end", "last-event-id: end\r\n");
  wait_until([&] { return !host->awaited.empty(); });
  on_server([&] { host->awaited.at(0).second(); });
  EXPECT_THAT(read_to_end(socket), is_error("500", "P6100"));
}

TEST_F(event_stream, refuses_until_end_when_the_end_is_not_known) {
  project.end = error{errc::unavailable, "PostgreSQL is away"};
  start();
  auto socket = open(orders + "&until=end", "accept: application/x-ndjson\r\n");
  EXPECT_THAT(read_to_end(socket), is_error("503", "P6101"));
  EXPECT_TRUE(on_server([&] { return host->requests.empty(); }));
}

TEST_F(event_stream, has_an_event_source_ask_again_for_what_may_work_later) {
  project.why_not_serving = error{errc::unavailable, "the project is still opening"};
  start();
  auto socket = open();
  EXPECT_THAT(read_to_end(socket),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\ncontent-length: "),
                    HasSubstr("\r\ncontent-type: text/event-stream\r\n"),
                    EndsWith("\r\n\r\nretry: 1000\n\nevent: pulse\ndata: {\"refused\":{"
                             "\"status\":503,\"code\":\"P6100\",\"message\":"
                             "\"the project is still opening\"}}\n\n")));
  project.why_not_serving.reset();
  project.persistence = false;
  auto refused = open();
  EXPECT_THAT(read_to_end(refused), is_error("403", "P6106"));
}

TEST_F(event_stream, tells_of_the_gap_that_it_has_reached) {
  control::stored_gap gap;
  gap.id = 9;
  host->gap = gap;
  start();
  auto socket = open();
  read_through(socket, "}\n\n");
  on_server([&] {
    const auto to = host->subscriber;
    to->end(streams::end_reason::gap, "gap 9");
  });
  EXPECT_THAT(read_to_end(socket),
              AllOf(StartsWith("event: pulse\ndata: {\"gap\":{\"id\":9,"),
                    EndsWith("event: pulse\ndata: {\"ended\":{\"reason\":\"gap\",\"message\":"
                             "\"gap 9\"}}\n\n")));
  EXPECT_TRUE(on_server([&] { return host->closed.empty(); })) << "the hub has closed it";
}

TEST_F(event_stream, ends_in_order_when_the_server_stops) {
  start();
  auto socket = open(orders, "", "1.1");
  read_through(socket, "}\n\n\r\n");
  auto stopped = stop(std::chrono::seconds(5));
  EXPECT_THAT(read_to_end(socket),
              AllOf(HasSubstr("event: pulse\ndata: {\"ended\":{\"reason\":\"shutdown\""),
                    EndsWith("\r\n0\r\n\r\n")));
  socket.close();
  stopped.wait();
}

TEST_F(event_stream, is_cut_when_its_key_is_revoked) {
  start();
  auto socket = open(orders, "", "1.1");
  read_through(socket, "}\n\n\r\n");
  on_server([&] {
    registry.keys.erase("good-key");
    under_test.end_sessions_of_key("key-1");
  });
  EXPECT_EQ(read_to_end(socket), "");
  wait_for_close();
  EXPECT_EQ(on_server([&] { return host->closed.size(); }), 1U);
}

TEST_F(event_stream, leaves_its_name_when_the_client_has_gone) {
  start();
  auto socket = open();
  read_through(socket, "}\n\n");
  socket.close();
  wait_for_close();
}

TEST_F(event_stream, asks_nothing_of_the_hub_for_a_head) {
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(request(orders, "", "1.0", "HEAD")));
  EXPECT_THAT(read_to_end(socket), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\n")));
  EXPECT_TRUE(on_server([&] { return host->requests.empty(); }));
}

TEST_F(event_stream, holds_a_bounded_amount_for_a_client_that_does_not_read) {
  server_options options;
  options.stream_unsent_bytes_max = 10'000;
  start(options);
  auto socket = open();
  read_through(socket, "}\n\n");
  const std::string json = '"' + std::string(5000, 'e') + '"';
  const auto congested = [&] {
    return host->subscriber->unsent_bytes() > streams::stream_limits{}.unsent_bytes_max;
  };
  // As the hub does: stop above its limit. The system's own buffers fill first.
  std::uint32_t sent = 0;
  for (int full = 0; full < 3;) {
    const auto taken = on_server([&] {
      if (congested()) return false;
      host->subscriber->send(id_of(++sent), json);
      return true;
    });
    full = taken ? 0 : full + 1;
  }
  EXPECT_EQ(on_server([&] { return host->writable_calls; }), 0);
  EXPECT_THAT(read_through(socket, "id: " + to_string(id_of(sent))), HasSubstr(json));
  wait_until([&] { return host->writable_calls > 0; });
  EXPECT_FALSE(on_server(congested));
}

TEST_F(event_stream, says_its_last_words_when_there_is_room_for_them) {
  server_options options;
  options.stream_unsent_bytes_max = 10'000;
  start(options);
  auto socket = open();
  read_through(socket, "}\n\n");
  std::string json(50'000'000 + 2, 'e');  // NOLINT(bugprone-string-constructor)
  json.front() = json.back() = '"';
  send(1, json);
  on_server([&] { host->subscriber->waits_for_acknowledgement(); });
  wait_for_close();
  EXPECT_THAT(read_to_end(socket).substr(json.size()), HasSubstr("\"reason\":\"acknowledge\""));
}

}  // namespace pulse::server::event_stream_test
