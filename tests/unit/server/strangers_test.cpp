// What strangers may take of the server: connections, attempts with keys, and names for its
// address.
#include "server/strangers.hpp"

#include <array>

#include "tests/unit/server/answers.hpp"
#include "tests/unit/server/running_server.hpp"

namespace pulse::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using http_server = running_server;

TEST_F(http_server, refuses_connections_above_the_limit_of_streams) {
  server_options options;
  options.connections_max = 1;
  start(options);
  auto stream = open_stream();
  EXPECT_THAT(get(ports.streams, "/healthz"), is_error("503", "P6100"));
  EXPECT_THAT(get(ports.admin, "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server, strangers_that_ask_nothing_keep_nobody_out) {
  server_options options;
  options.connections_max = 3;
  options.admin_connections_max = 2;
  start(options);
  std::vector<tcp::socket> idle;
  for (int i = 0; i < 6; ++i) {
    idle.push_back(connect(ports.streams));
    idle.push_back(connect(ports.admin));
  }
  EXPECT_THAT(get(ports.streams, "/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get(ports.admin, "/metrics"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(call("GET", "/v1/projects"), StartsWith("HTTP/1.1 200 "));
  const auto stream = open_stream();
  for (int i = 0; i < 6; ++i) idle.push_back(connect(ports.streams));
  EXPECT_THAT(get(ports.streams, "/healthz"), StartsWith("HTTP/1.1 200 "));
  // The longest idle ones went.
  EXPECT_EQ(read_to_end(idle[0]), "");
  EXPECT_EQ(read_to_end(idle[1]), "");
  EXPECT_TRUE(on_server([&] { return host->closed.empty(); })) << "a stream stays";
  EXPECT_THAT(figures.render(), HasSubstr("pulse_connections_over_limit_total 0"));
}

TEST(strangers, the_address_that_has_most_makes_room) {
  strangers all;
  std::array<char, 5> place{};
  const auto one = [&](std::size_t number) {
    return reinterpret_cast<connection*>(&place.at(number));
  };
  EXPECT_EQ(all.first_to_go(), nullptr);
  const auto early = all.add(one(0), "10.0.0.1");
  all.add(one(1), "10.0.0.2");
  EXPECT_EQ(all.first_to_go(), one(0)) << "equally many: the longest idle one";
  const auto crowding = all.add(one(2), "10.0.0.2");
  EXPECT_EQ(all.first_to_go(), one(1));
  all.remove(crowding);
  EXPECT_EQ(all.first_to_go(), one(0));
  all.remove(early);
  all.add(one(3), "10.0.0.1");
  EXPECT_EQ(all.first_to_go(), one(1)) << "the other one has asked in between";
  EXPECT_EQ(all.size(), 2U);
  EXPECT_EQ(all.of("10.0.0.2"), 1U);
  EXPECT_EQ(all.of("10.0.0.3"), 0U);
}

TEST_F(http_server, accepts_all_that_wait_at_once) {
  start();
  std::vector<tcp::socket> waiting;
  const auto accepted = [&] {
    const auto all = figures.render();
    const std::string name = "\npulse_connections_accepted_total ";
    return std::stoi(all.substr(all.find(name) + name.size()));
  };
  // While the server has no time for them.
  on_server([&] {
    for (int i = 0; i < 60; ++i) waiting.push_back(connect(ports.streams));
  });
  int count = 0;
  while ((count = on_server(accepted)) == 0) std::this_thread::yield();
  EXPECT_EQ(count, 60);
}

TEST_F(http_server, who_has_asked_makes_no_room_for_who_comes_in_the_same_turn) {
  server_options options;
  options.connections_max = 1;
  start(options);
  std::vector<tcp::socket> waiting;
  on_server([&] {
    for (int i = 0; i < 2; ++i) waiting.push_back(connect(ports.streams));
    boost::asio::write(
        waiting.front(),
        boost::asio::buffer(
            std::string("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")));
  });
  EXPECT_THAT(read_to_end(waiting.front()), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server, refuses_connections_above_the_limit_of_their_address_only) {
  server_options options;
  options.connections_per_address_max = 3;
  start(options);
  // Streams are no strangers' connections.
  std::vector<tcp::socket> streams;
  for (int count = 0; count < 4; ++count) {
    streams.push_back(connect(ports.streams));
    boost::asio::write(streams.back(), boost::asio::buffer(upgrade("/stream")));
    std::string answer;
    boost::asio::read_until(streams.back(), boost::asio::dynamic_buffer(answer), "\r\n\r\n");
    ASSERT_THAT(answer, StartsWith("HTTP/1.1 101"));
  }
  std::vector<tcp::socket> idle;
  for (int count = 0; count < 3; ++count) {
    idle.push_back(connect(ports.streams));
    boost::asio::write(
        idle.back(),
        boost::asio::buffer(std::string("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")));
    std::string answer;
    boost::asio::read_until(idle.back(), boost::asio::dynamic_buffer(answer), "\r\n\r\nok");
  }
  EXPECT_THAT(get(ports.streams, "/healthz"), is_error("429", "P6100"));
  EXPECT_THAT(get(ports.admin, "/healthz"), StartsWith("HTTP/1.1 200 "))
      << "the other address has its own count";
  EXPECT_THAT(figures.render(), HasSubstr("pulse_connections_over_address_limit_total 1"));

  tcp::socket from_elsewhere(client_io);
  from_elsewhere.open(tcp::v4());
  from_elsewhere.bind({boost::asio::ip::make_address("127.0.0.2"), 0});
  from_elsewhere.connect({boost::asio::ip::make_address("127.0.0.1"), ports.streams.port});
  boost::asio::write(from_elsewhere,
                     boost::asio::buffer(std::string(
                         "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")));
  EXPECT_THAT(read_to_end(from_elsewhere), StartsWith("HTTP/1.1 200 "));

  from_elsewhere.close();
  idle.clear();
  while (on_server([&] { return figures.render(); }).find("pulse_connections_open 4\n") ==
         std::string::npos)
    std::this_thread::yield();
  EXPECT_THAT(get(ports.streams, "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server, takes_any_number_of_connections_of_an_address_when_told_so) {
  server_options options;
  options.connections_per_address_max = 1;
  start(options);
  const auto idle = connect(ports.admin);
  EXPECT_THAT(get(ports.admin, "/healthz"), is_error("429", "P6100"));
  on_server([&] {
    under_test.use_limits(100, 0, 60, std::chrono::seconds(12));
    return true;
  });
  EXPECT_THAT(get(ports.admin, "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server, answers_an_address_with_too_many_wrong_keys_for_a_while) {
  server_options options;
  options.failed_keys_per_minute = 3;
  start(options);
  const auto try_key = [&](const std::string& key) {
    return ask(ports.streams, upgrade("/subscribe", key));
  };
  for (int i = 0; i < 3; ++i) EXPECT_THAT(try_key("wrong"), is_error("401", "P6102"));
  const auto refused = try_key("wrong");
  EXPECT_THAT(refused, is_error("429", "P6102"));
  EXPECT_THAT(refused, ::testing::HasSubstr("\r\nretry-after: 20\r\n"));
  EXPECT_THAT(try_key("wrong-as-well"), is_error("429", "P6102"));
  EXPECT_THAT(get(ports.streams, "/healthz"), ::testing::StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(call("GET", "/v1/projects"), ::testing::StartsWith("HTTP/1.1 200"))
      << "the operator's token is another matter";
  open_stream();  // a right key, which was never seen before
  const auto try_token = [&](const std::string& token) {
    return call("GET", "/v1/projects", {}, token);
  };
  for (int i = 0; i < 3; ++i) EXPECT_THAT(try_token("wrong"), is_error("401", "P6102"));
  EXPECT_THAT(try_token("wrong"), is_error("429", "P6102"));
  EXPECT_THAT(try_token("admin-token"), ::testing::StartsWith("HTTP/1.1 200"));
  clock.pass(std::chrono::seconds(20));
  EXPECT_THAT(try_key("wrong"), is_error("401", "P6102"));
  EXPECT_THAT(figures.render(), ::testing::HasSubstr("pulse_key_attempts_refused_total 3"));
}

TEST_F(http_server, requests_without_a_key_lock_nobody_out) {
  server_options options;
  options.failed_keys_per_minute = 3;
  start(options);
  const std::string no_key =
      "GET /v1/projects HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
  const std::string name_and_password =
      "GET /v1/projects HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
      "authorization: Basic YTpi\r\n\r\n";
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(ask(ports.admin, no_key), is_error("401", "P6102"));
    EXPECT_THAT(ask(ports.admin, name_and_password), is_error("401", "P6102"));
  }
  EXPECT_THAT(call("GET", "/v1/projects", {}, "wrong"), is_error("401", "P6102"));
  EXPECT_THAT(call("GET", "/v1/projects"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server, the_admin_address_answers_to_no_name_that_others_can_resolve) {
  server_options options;
  options.admin_hosts = {"pulse.example.org"};
  start(options);
  const auto as = [&](const listen_address& to, const std::string& target,
                      const std::string& named) {
    return ask(to, "GET " + target + " HTTP/1.1\r\nhost: " + named +
                       "\r\nauthorization: Bearer admin-token\r\nconnection: close\r\n\r\n");
  };
  for (const auto* target : {"/metrics", "/readyz", "/capturez", "/v1/projects"}) {
    EXPECT_THAT(as(ports.admin, target, "evil.example.com"), is_error("421", "P6100")) << target;
    for (const auto* known : {"127.0.0.1:7858", "[::1]:7858", "localhost:7858", "pulse",
                              "PULSE.example.org:7858", "10.0.0.1"}) {
      EXPECT_THAT(as(ports.admin, target, known), StartsWith("HTTP/1.1 200 ")) << target << known;
    }
  }
  EXPECT_THAT(as(ports.admin, "/healthz", "evil.example.com"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(as(ports.streams, "/readyz", "db.example.com"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace pulse::server
