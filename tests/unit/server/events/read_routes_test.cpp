// GET /v1/events and POST /v1/events/query on a server of their own, with a log in memory.
#include <fstream>
#include <iterator>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/events/page_token.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/filters/filter_cases.hpp"
#include "tests/unit/server/answers.hpp"
#include "tests/unit/server/running_server.hpp"

namespace pulse::server::read_routes_test {

namespace json = boost::json;

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class read_routes : public running_server {
 protected:
  read_routes() {
    project.resolve_with = [](const requests::stream_request& wanted) -> result<resolved_table> {
      const auto& name = wanted.model.table;
      if (name != "orders" && name != "payments") {
        return error{errc::not_found, "there is no table '" + name + "'",
                     "did you mean public.orders?"};
      }
      resolved_table found;
      found.shape.definition = std::make_shared<const relation>(shape(name));
      return found;
    };
  }

  static relation shape(const std::string& table) {
    relation made;
    made.table = {"public", table};
    made.columns = {filters::testing::column_of("id", 23, true),
                    filters::testing::column_of("status", 25)};
    return made;
  }
  static position place_of(std::uint64_t number) {
    return {1, lsn{0x1000 * number + 0x80}, lsn{0x1000 * number}, 0};
  }

  // On the server's thread, like all that appends to a project's log in memory.
  void store(std::uint64_t number, const std::string& table, const std::string& status) {
    on_server([&] {
      auto& log = project.log();
      const auto described = project.relations().describe(shape(table)).value();
      const auto row = filters::testing::tuple_of({std::to_string(number), status});
      event_view event;
      event.at = place_of(number);
      event.id = make_event_id(1716899696789 + number, event.at.commit, 0);
      event.committed_at = unix_time_us(std::chrono::milliseconds(1716899696789 + number));
      event.relation = described.version;
      event.table = described.table;
      event.action = change_action::create;
      event.after = tuple_view::trusted(as_byte_view(row));
      EXPECT_TRUE(log.append(event));
      EXPECT_TRUE(log.cover(1, event.at.commit));
      project.streams()->progress();
      return 0;
    });
  }

  static std::string request(const std::string& method, const std::string& target,
                             const std::string& body = {}, const std::string& headers = {},
                             const std::string& key = "good-key") {
    return method + ' ' + target + " HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer " + key +
           "\r\nconnection: close\r\n" + headers +
           "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  std::string send(const std::string& method, const std::string& target,
                   const std::string& body = {}, const std::string& headers = {},
                   const std::string& key = "good-key") {
    const auto answer = ask(ports.streams, request(method, target, body, headers, key));
    if (headers.find("accept") == std::string::npos) {
      EXPECT_EQ(
          disagreement_with_description(all_routes(), surface::streams, method, target, answer), "")
          << target << '\n'
          << answer;
    }
    return answer;
  }
  static std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
  static std::string orders(const std::string& rest) {
    return "/v1/events?table=public.orders&after=" + rest;
  }

  std::size_t waiting() {
    const auto text = on_server([&] { return figures.render(); });
    const std::string line = "\npulse_page_readers_waiting{project=\"shop\"} ";
    return std::stoul(text.substr(text.find(line) + line.size()));
  }
  void until_waiting(std::size_t count) {
    pulse::testing::wait_until([&] { return waiting() == count; });
  }
};

// Each example of the contract, in their order.
TEST_F(read_routes, answer_as_the_contract_says) {
  start();
  std::ifstream file(PULSE_SOURCE_DIR "/contract/http_events.json");
  const auto contract =
      json::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
  for (const auto& one : contract.at("stored").as_array()) {
    store(one.at("id").to_number<std::uint64_t>(), std::string(one.at("table").as_string()),
          std::string(one.at("status").as_string()));
  }
  for (const auto& one : contract.at("exchanges").as_array()) {
    const auto name = one.at("name").as_string();
    const auto& asked = one.at("request").as_object();
    const auto& expected = one.at("answer").as_object();
    std::string headers;
    if (const auto* accept = asked.if_contains("accept"))
      headers = "accept: " + std::string(accept->as_string()) + "\r\n";
    const auto* body = asked.if_contains("body");
    const auto answer = send(std::string(asked.at("method").as_string()),
                             std::string(asked.at("target").as_string()),
                             body == nullptr ? std::string() : json::serialize(*body), headers);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " +
                                   std::to_string(expected.at("status").to_number<int>()) + ' '))
        << name;
    EXPECT_THAT(answer, HasSubstr("\r\ncontent-type: " +
                                  std::string(expected.at("contentType").as_string()) + "\r\n"))
        << name;
    if (const auto* more = expected.if_contains("headers")) {
      for (const auto& [header, value] : more->as_object()) {
        EXPECT_THAT(answer, HasSubstr("\r\n" + std::string(header) + ": " +
                                      std::string(value.as_string()) + "\r\n"))
            << name;
      }
    }
    if (const auto* lines = expected.if_contains("lines")) {
      std::string text;
      for (const auto& line : lines->as_array()) text += std::string(line.as_string()) + '\n';
      EXPECT_EQ(body_of(answer), text) << name;
    } else {
      auto parsed = json::parse(body_of(answer));
      // Another one with every request.
      if (parsed.is_object()) parsed.as_object().erase("requestId");
      EXPECT_EQ(parsed, expected.at("body")) << name << '\n' << body_of(answer);
    }
  }
}

TEST_F(read_routes, wait_for_the_first_event) {
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(request("GET", orders("beginning&wait=55s"))));
  until_waiting(1);
  store(1, "payments", "paid");
  EXPECT_EQ(waiting(), 1U) << "of another table";
  store(2, "orders", "open");
  EXPECT_THAT(read_to_end(socket),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr(R"("after":{"id":2,"status":"open"})")));
  until_waiting(0);
}

TEST_F(read_routes, forget_clients_that_vanish_while_they_wait) {
  start();
  {
    std::vector<tcp::socket> sockets;
    for (int i = 0; i < 50; ++i) {
      sockets.push_back(connect(ports.streams));
      boost::asio::write(sockets.back(),
                         boost::asio::buffer(request("GET", orders("now&wait=55s"))));
    }
    until_waiting(50);
  }
  until_waiting(0);
}

TEST_F(read_routes, take_the_next_request_while_one_waits) {
  start();
  auto socket = connect(ports.streams);
  const std::string keep = "GET " + orders("now&wait=55s") +
                           " HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer good-key\r\n\r\n";
  boost::asio::write(socket, boost::asio::buffer(keep));
  until_waiting(1);
  boost::asio::write(socket, boost::asio::buffer(request("GET", "/healthz")));
  store(1, "orders", "open");
  const auto answers = read_to_end(socket);
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answers.substr(10), HasSubstr("HTTP/1.1 200 "));
}

TEST_F(read_routes, end_their_waits_when_the_server_stops) {
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(request("GET", orders("now&wait=55s"))));
  until_waiting(1);
  auto stopped = stop(std::chrono::seconds(20));
  EXPECT_THAT(read_to_end(socket),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\"caughtUp\":true")));
  stopped.wait();
}

TEST_F(read_routes, end_the_waits_of_a_key_that_is_revoked) {
  start();
  auto socket = connect(ports.streams);
  boost::asio::write(socket, boost::asio::buffer(request("GET", orders("now&wait=55s"))));
  until_waiting(1);
  on_server([&] {
    registry.keys.erase("good-key");
    under_test.end_sessions_of_key("key-1");
    return 0;
  });
  EXPECT_THAT(read_to_end(socket), is_error("401", "P6102"));
}

TEST_F(read_routes, say_why_a_project_serves_nobody) {
  start();
  on_server([&] {
    project.why_not_serving = error{errc::unavailable, "the project is opening", "try again"};
    return 0;
  });
  EXPECT_THAT(send("GET", orders("now")),
              AllOf(is_error("503", "P6100"), HasSubstr("\r\nretry-after: 1\r\n")));
  on_server([&] {
    project.why_not_serving.reset();
    project.persistence = false;
    return 0;
  });
  EXPECT_THAT(send("GET", orders("now")), is_error("403", "P6106"));
}

TEST_F(read_routes, refuse_bodies_over_the_limit) {
  start();
  EXPECT_THAT(ask(ports.streams, request("POST", "/v1/events/query",
                                         std::string((std::size_t{1} << 20U) + 1, ' '))),
              is_error("413", "P6100"));
  EXPECT_THAT(send("POST", "/v1/events/query", std::string(std::size_t{1} << 20U, ' ')),
              is_error("400", "P6100"));
}

TEST_F(read_routes, answer_head_without_a_body) {
  start();
  store(1, "orders", "open");
  const auto answer = ask(ports.streams, request("HEAD", orders("beginning")));
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200 "), Not(HasSubstr("events"))));
}

TEST_F(read_routes, end_a_job_at_the_end_of_history_when_it_asked) {
  start();
  for (std::uint64_t i = 1; i <= 3; ++i) store(i, "orders", "open");
  on_server([&] {
    project.end = project_service::end_mark{place_of(2), true};
    return 0;
  });
  auto page = json::parse(body_of(send("GET", orders("beginning&until=end"))));
  EXPECT_EQ(page.at("events").as_array().size(), 2U);
  EXPECT_EQ(page.at("caughtUp"), true);
  EXPECT_EQ(page.at("end").at("source"), "database");
  EXPECT_EQ(page.at("end").at("lsn").as_string(), to_string(place_of(2).commit));
  on_server([&] {
    project.end = error{errc::unavailable, "the database is away", ""};
    return 0;
  });
  EXPECT_THAT(send("GET", orders("beginning&until=end")), is_error("503", "P6101"));
}

TEST_F(read_routes, answer_a_gap_with_its_bounds_and_continue_behind_it) {
  start();
  store(1, "orders", "open");
  on_server([&] {
    control::stored_gap gap;
    gap.id = 7;
    gap.what.kind = gap_kind::slot_missing;
    gap.what.after = place_of(1);
    gap.what.through = place_of(5);
    project.streams()->use_gaps({gap});
    return 0;
  });
  store(6, "orders", "paid");
  auto page = json::parse(body_of(send("GET", orders("beginning"))));
  EXPECT_EQ(page.at("events").as_array().size(), 1U);
  EXPECT_EQ(page.at("caughtUp"), false);
  const auto next = std::string(page.at("next").as_string());
  const auto refused = send("GET", orders(next));
  EXPECT_THAT(refused, AllOf(is_error("409", "P6100"), HasSubstr("acceptGap=7")));
  EXPECT_EQ(json::parse(body_of(refused)).at("details").at("gap").at("id"), 7);
  page = json::parse(body_of(send("GET", orders(next + "&acceptGap=7"))));
  EXPECT_EQ(page.at("events").as_array().size(), 1U);
  EXPECT_EQ(page.at("caughtUp"), true);

  // Accepted ahead of it, the token remembers.
  page = json::parse(body_of(send("GET", orders("beginning&limit=1&acceptGap=7"))));
  page = json::parse(body_of(send("GET", orders(std::string(page.at("next").as_string())))));
  EXPECT_EQ(page.at("events").as_array().size(), 1U);
}

}  // namespace pulse::server::read_routes_test
