#include "commands/tail_command.hpp"

#include <string>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/websocket/websocket_frames.hpp"
#include "server/websocket/websocket_handshake.hpp"
#include "tests/unit/commands/canned_server.hpp"

namespace pulse::commands::tail_command_test {
namespace {

// Opens one WebSocket, sends `frames`, and records what comes until the client ends the connection.
class frame_server {
 public:
  explicit frame_server(std::string frames)
      : frames_(std::move(frames)),
        acceptor_(context_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
        thread_([this] { serve(); }) {}
  ~frame_server() {
    if (thread_.joinable()) thread_.join();
  }
  frame_server(const frame_server&) = delete;
  frame_server& operator=(const frame_server&) = delete;

  std::string url() const {
    return fmt::format("http://127.0.0.1:{}", acceptor_.local_endpoint().port());
  }

  // Both once the client has ended the connection.
  const std::string& request() {
    if (thread_.joinable()) thread_.join();
    return request_;
  }
  std::string& received() {
    if (thread_.joinable()) thread_.join();
    return received_;
  }

 private:
  void serve() {
    boost::asio::ip::tcp::socket socket(context_);
    boost::system::error_code failed;
    acceptor_.accept(socket, failed);
    boost::asio::read_until(socket, boost::asio::dynamic_buffer(request_), "\r\n\r\n", failed);
    const std::string name = "Sec-WebSocket-Key: ";
    const auto key = request_.substr(request_.find(name) + name.size(), 24);
    const auto answer = fmt::format(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: {}\r\n\r\n{}",
        pulse::server::websocket_accept(key), frames_);
    boost::asio::write(socket, boost::asio::buffer(answer), failed);
    socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send, failed);
    boost::asio::read(socket, boost::asio::dynamic_buffer(received_), failed);
  }

  std::string frames_;
  std::string request_;
  std::string received_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

struct printed {
  int exit_code;
  std::string out;
  std::string err;
};

printed run_tail(const std::string& url, std::uint64_t count, bool json = true) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = tail_table({url, "a token"}, {"shop", "sales.a b", json, count});
  return {code, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

// One frame, of a message in fragments where it is not final.
std::string fragment(bool final, pulse::server::opcode kind, const std::string& payload) {
  std::string frame;
  pulse::server::append_frame(frame, kind, payload);
  if (!final) frame[0] = static_cast<char>(static_cast<unsigned char>(frame[0]) & 0x7FU);
  return frame;
}

TEST(tail_table, prints_messages_and_answers_pings_until_it_has_its_count) {
  const auto long_text = std::string(100'000, 'x');
  frame_server answering(fragment(false, pulse::server::opcode::text, "o") +
                         fragment(true, pulse::server::opcode::ping, "you there?") +
                         fragment(true, pulse::server::opcode::continuation, "ne") +
                         fragment(true, pulse::server::opcode::text, long_text) +
                         fragment(true, pulse::server::opcode::text, "one too many"));
  const auto shown = run_tail(answering.url(), 2);
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.out, "one\n" + long_text + "\n");
  EXPECT_TRUE(
      answering.request().starts_with("GET /v1/projects/shop/tail?table=sales.a%20b HTTP/1.1"))
      << answering.request();
  EXPECT_NE(answering.request().find("Authorization: Bearer a token\r\n"), std::string::npos);
}

TEST(tail_table, answers_a_ping_with_its_payload_and_ends_with_a_close_frame) {
  frame_server answering(fragment(true, pulse::server::opcode::ping, "you there?") +
                         fragment(true, pulse::server::opcode::text, "one"));
  EXPECT_EQ(run_tail(answering.url(), 1).exit_code, 0);
  pulse::server::websocket_reader reader(1000);
  std::span<char> rest(answering.received());
  const auto pong = reader.next(rest);
  EXPECT_EQ(pong.what, pulse::server::incoming::kind::pong);
  EXPECT_EQ(pong.payload, "you there?");
  const auto close = reader.next(rest);
  EXPECT_EQ(close.what, pulse::server::incoming::kind::close);
  EXPECT_EQ(close.code, pulse::server::close_code::normal);
}

TEST(tail_table, shows_how_the_server_ended_it) {
  std::string close;
  pulse::server::append_close(close, pulse::server::close_code::going_away, "the server stops");
  frame_server closing(close);
  const auto closed = run_tail(closing.url(), 0);
  EXPECT_EQ(closed.exit_code, 1);
  EXPECT_NE(closed.err.find("the server stops (1001)"), std::string::npos) << closed.err;
  frame_server masked("\x81\x81\x01\x02\x03\x04z");
  EXPECT_NE(run_tail(masked.url(), 0).err.find("must not be masked"), std::string::npos);
  frame_server nothing_more("");
  EXPECT_EQ(run_tail(nothing_more.url(), 0).exit_code, 1);
}

TEST(tail_table, shows_why_the_server_refuses) {
  canned_server refusing({http_answer("404 Not Found", R"({"message":"there is no table 'a'"})"),
                          http_answer("200 OK", "<html>")});
  EXPECT_NE(run_tail(refusing.url(), 1).err.find("refused (404): there is no table 'a'"),
            std::string::npos);
  EXPECT_NE(run_tail(refusing.url(), 1).err.find("answered 200"), std::string::npos);
}

TEST(tail_table, for_people_shows_what_happened_to_the_row) {
  frame_server answering(fragment(true, pulse::server::opcode::text,
                                  R"({"action":"update","before":{"a":1},"after":{"a":2}})"));
  const auto shown = run_tail(answering.url(), 1, false);
  EXPECT_NE(shown.out.find(R"(  update  {"a":1} → {"a":2})"), std::string::npos) << shown.out;
}

}  // namespace
}  // namespace pulse::commands::tail_command_test
