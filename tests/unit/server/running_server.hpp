// A server on ephemeral ports with scripted time, and clients that talk to it.
#pragma once

#include <atomic>
#include <future>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "server/routes.hpp"
#include "server/server.hpp"
#include "tests/unit/server/described_answers.hpp"
#include "tests/unit/server/fakes.hpp"

namespace pulse::server {

class scripted_clock final : public clock_source {
 public:
  unix_time_us now() const override { return unix_time_us{}; }
  std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_ms_.load()));
  }
  void pass(std::chrono::milliseconds time) { now_ms_ += time.count(); }

 private:
  std::atomic<std::int64_t> now_ms_{1'000'000};
};

class running_server : public ::testing::Test {
 protected:
  using tcp = boost::asio::ip::tcp;

  void start(server_options options = {}) {
    options.listen = {"127.0.0.1", 0};
    options.admin_listen = {"127.0.0.1", 0};
    options.admin_token = "admin-token";
    options.clock = &clock;
    options.tick_interval = std::chrono::milliseconds(1);
    options.first_pong_timeout = first_pong_timeout;
    const auto bound =
        under_test.start(options, registry, backend, figures,
                         [this](project_service&) -> std::shared_ptr<stream_host> { return host; });
    ASSERT_TRUE(bound) << bound.error().message();
    ports = *bound;
    thread = std::thread([this] { io.run(); });
  }

  void TearDown() override {
    if (!thread.joinable()) return;
    stop(std::chrono::milliseconds(0)).wait();
    work.reset();
    thread.join();
  }

  std::future<void> stop(std::chrono::milliseconds limit) {
    auto stopped = std::make_shared<std::promise<void>>();
    auto when = stopped->get_future();
    boost::asio::post(io, [this, limit, stopped] {
      under_test.stop(limit, [stopped] { stopped->set_value(); });
    });
    return when;
  }

  // Runs on the delivery thread; what it gives comes back here.
  template <class Work>
  auto on_server(Work work_there) {
    std::packaged_task<decltype(work_there())()> task(std::move(work_there));
    auto answer = task.get_future();
    boost::asio::post(io, [&task] { task(); });
    return answer.get();
  }

  tcp::socket connect(const listen_address& to) {
    tcp::socket socket(client_io);
    socket.connect({boost::asio::ip::make_address(to.address), to.port});
    // A server that does not answer fails the test instead of hanging it.
    const timeval most{20, 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    return socket;
  }

  static std::string read_to_end(tcp::socket& socket) {
    std::string all;
    boost::system::error_code ended;
    boost::asio::read(socket, boost::asio::dynamic_buffer(all), ended);
    EXPECT_EQ(ended, boost::asio::error::eof) << all;
    return all;
  }

  // One request on a connection of its own; the answer with all its headers.
  std::string ask(const listen_address& to, const std::string& request) {
    auto socket = connect(to);
    boost::system::error_code cut_off;
    boost::asio::write(socket, boost::asio::buffer(request), cut_off);
    return read_to_end(socket);
  }
  // These two hold the answer to its description, too.
  std::string get(const listen_address& to, const std::string& target) {
    const auto answer =
        ask(to, "GET " + target + " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    const auto where = to == ports.admin ? surface::admin : surface::streams;
    EXPECT_EQ(disagreement_with_description(all_routes(), where, "GET", target, answer), "")
        << target << '\n'
        << answer;
    return answer;
  }
  std::string call(const std::string& method, const std::string& target,
                   const std::string& body = {}, const std::string& token = "admin-token") {
    const auto answer =
        ask(ports.admin,
            method + ' ' + target + " HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer " +
                token + "\r\nconnection: close\r\ncontent-length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    EXPECT_EQ(disagreement_with_description(all_routes(), surface::admin, method, target, answer),
              "")
        << method << ' ' << target << '\n'
        << answer;
    return answer;
  }

  static std::string upgrade(const std::string& path, const std::string& key = "good-key",
                             const std::string& subscription = a_subscription) {
    return "GET " + path +
           " HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
           "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "authorization: Bearer " +
           key + "\r\nsubscription: " + subscription + "\r\nstream: {}\r\n\r\n";
  }

  // Open as long as the socket is.
  tcp::socket open_stream() {
    auto socket = connect(ports.streams);
    boost::asio::write(socket, boost::asio::buffer(upgrade("/stream")));
    std::string answer;
    boost::asio::read_until(socket, boost::asio::dynamic_buffer(answer), "\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
    return socket;
  }

  static constexpr const char* a_subscription =
      R"({"modelName":"User","model":{"dbName":null,"fields":[)"
      R"({"name":"id","kind":"scalar","type":"Int","isList":false}]}})";

  scripted_clock clock;
  std::chrono::milliseconds first_pong_timeout{0};  // zero: no ping before the first event
  boost::asio::io_context io;
  boost::asio::io_context client_io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  metrics figures;
  fake_project project{io.get_executor(), figures};
  fake_registry registry{project};
  fake_backend backend;
  std::shared_ptr<fake_host> host = std::make_shared<fake_host>();
  server under_test{io.get_executor()};
  bound_addresses ports;
  std::thread thread;
};

}  // namespace pulse::server
