// GET /v1/wait over real connections: how many may wait, and how waits end.
#include <map>
#include <thread>

#include "tests/unit/server/answers.hpp"
#include "tests/unit/server/running_server.hpp"

namespace pulse::server::wait_server_test {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Has captured everything before `end`.
class fake_history final : public captured_history {
 public:
  position captured() const override { return {1, end, {}, 0}; }
  bool has_captured(const position& through) const override { return captured() >= through; }
  bool has_passed(const position& cursor, const position& through) const override {
    return cursor >= through;
  }
  std::shared_ptr<void> wait(const position& through, std::function<void()> done) override {
    waiting.emplace(through, std::move(done));
    ++waits;
    return {nullptr, [this](void*) { --waits; }};
  }
  std::optional<position> place(lsn at) const override { return position{1, at, {}, 0}; }
  void find_transaction(std::uint64_t xid,
                        std::function<void(result<transaction_place>)> done) override {
    ++questions;
    if (away) return done(error{errc::unavailable, "PostgreSQL is away"});
    const auto found = ended.find(xid);
    done(found == ended.end() ? transaction_place() : found->second);
  }
  void capture_through(lsn through) {
    end = through;
    for (auto& [at, done] : std::exchange(waiting, {})) done();
  }

  lsn end{100};
  bool away = false;
  int questions = 0;
  int waits = 0;
  std::map<std::uint64_t, position> ended;
  std::multimap<position, std::function<void()>> waiting;
};

class wait_server : public running_server {
 protected:
  void start(server_options options = {}) {
    project.its_history = &history;
    running_server::start(std::move(options));
  }
  static std::string request(const std::string& query, const std::string& method = "GET") {
    return method + " /v1/wait?" + query +
           " HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer good-key\r\n"
           "connection: close\r\n\r\n";
  }
  // With an answer that the description knows.
  std::string wait(const std::string& query) {
    auto answer = ask(ports.streams, request(query));
    EXPECT_EQ(
        disagreement_with_description(all_routes(), surface::streams, "GET", "/v1/wait", answer),
        "")
        << answer;
    return answer;
  }
  tcp::socket begin(const std::string& query) {
    auto socket = connect(ports.streams);
    boost::asio::write(socket, boost::asio::buffer(request(query)));
    return socket;
  }
  double open() {
    return on_server([&] { return figures.gauge(metric::waits_open).Value(); });
  }
  void until_open(double count) {
    while (open() != count) std::this_thread::yield();
  }
  void TearDown() override {
    running_server::TearDown();
    EXPECT_EQ(history.waits, 0) << "a wait is left";
  }

  fake_history history;
};

TEST_F(wait_server, answers_at_once_where_it_is_captured) {
  history.ended[745] = {1, lsn{80}, lsn{80}, 0};
  start();
  const std::string captured = R"("captured":"0/64"})";
  EXPECT_THAT(wait("lsn=0/64"), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr(captured)));
  EXPECT_THAT(wait("xid=745"), HasSubstr(R"({"lsn":"0/50",)" + captured));
  EXPECT_THAT(wait("lsn=now"), HasSubstr(R"({"lsn":"0/40",)" + captured));
  EXPECT_EQ(open(), 0);
}

TEST_F(wait_server, answers_when_it_has_been_captured) {
  start();
  auto socket = begin("lsn=0/65");
  until_open(1);
  on_server([&] { history.capture_through(lsn{0x65}); });
  EXPECT_THAT(read_to_end(socket), StartsWith("HTTP/1.1 200 "));
  until_open(0);
}

TEST_F(wait_server, asks_again_while_a_transaction_runs_or_the_database_is_away) {
  history.away = true;
  start();
  auto socket = begin("xid=745");
  while (on_server([&] { return history.questions < 2; })) std::this_thread::yield();
  on_server([&] { history.away = false; });
  const auto asked = on_server([&] { return history.questions; });
  while (on_server([&] { return history.questions < asked + 2; })) std::this_thread::yield();
  on_server([&] { history.ended[745] = {1, lsn{80}, lsn{80}, 0}; });
  EXPECT_THAT(read_to_end(socket), StartsWith("HTTP/1.1 200 "));
}

TEST_F(wait_server, says_what_it_waited_for_when_time_is_up) {
  start();
  const std::string captured = R"("captured":"0/64")";
  EXPECT_THAT(wait("xid=745&wait=0"),
              AllOf(is_error("504", "P6100"), HasSubstr("transaction 745 has not ended"),
                    HasSubstr(captured)));
  EXPECT_THAT(wait("lsn=0/65&wait=1ms"),
              AllOf(is_error("504", "P6100"), HasSubstr("everything before 0/65 is not captured"),
                    HasSubstr(captured)));
  on_server([&] { history.away = true; });
  EXPECT_THAT(wait("xid=745&wait=1ms"), HasSubstr("PostgreSQL is away"));
  EXPECT_EQ(on_server([&] { return figures.counter(metric::waits_timed_out).Value(); }), 3);
}

TEST_F(wait_server, lets_so_many_wait_and_refuses_others) {
  server_options options;
  options.waits_max = 2;
  start(options);
  auto first = begin("lsn=0/65");
  auto second = begin("xid=745");
  until_open(2);
  EXPECT_THAT(wait("lsn=0/1"),
              AllOf(is_error("503", "P6100"), HasSubstr("\r\nretry-after: 1\r\n")));
  EXPECT_EQ(on_server([&] { return figures.counter(metric::waits_refused).Value(); }), 1);
  first.close();
  until_open(1);
  EXPECT_THAT(wait("lsn=0/1"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(wait_server, a_wait_ends_with_its_client) {
  start();
  for (const std::string query : {"lsn=0/65", "xid=745"}) {
    auto socket = begin(query);
    until_open(1);
    socket.close();
    until_open(0);
  }
}

TEST_F(wait_server, a_wait_ends_with_its_key) {
  start();
  auto socket = begin("lsn=0/65");
  until_open(1);
  on_server([&] {
    registry.keys.erase("good-key");
    under_test.end_sessions_of_key("key-1");
  });
  EXPECT_THAT(read_to_end(socket), is_error("401", "P6102"));
}

TEST_F(wait_server, waits_end_when_the_server_stops) {
  start();
  auto socket = begin("lsn=0/65&wait=55s");
  until_open(1);
  auto stopped = stop(std::chrono::seconds(20));
  while (socket.available() == 0) {
    clock.pass(std::chrono::milliseconds(10));
    std::this_thread::yield();
  }
  EXPECT_THAT(read_to_end(socket), is_error("503", "P6100"));
  stopped.wait();
}

TEST_F(wait_server, a_project_that_goes_takes_its_waits_along) {
  start();
  auto socket = begin("xid=745");
  until_open(1);
  on_server([&] { project.its_history = nullptr; });
  EXPECT_THAT(read_to_end(socket), AllOf(is_error("503", "P6100"), HasSubstr("closing")));
}

TEST_F(wait_server, refuses_where_nothing_is_served) {
  start();
  on_server([&] { project.why_not_serving = error{errc::unavailable, "the project is opening"}; });
  EXPECT_THAT(wait("lsn=now"), AllOf(is_error("503", "P6100"), HasSubstr("is opening")));
  EXPECT_THAT(wait("lsn=now&xid=7"), is_error("400", "P6100"));
}

}  // namespace pulse::server::wait_server_test
