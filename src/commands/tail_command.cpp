#include "commands/tail_command.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/base64.hpp"
#include "base/percent_encoding.hpp"
#include "commands/admin_connection.hpp"
#include "commands/event_line.hpp"
#include "commands/server_answer.hpp"
#include "config/terminal.hpp"
#include "server/websocket/websocket_frames.hpp"
#include "server/websocket/websocket_handshake.hpp"

namespace pulse::commands {

namespace json = boost::json;

namespace {

// The target of the stream that shows a table's events.
std::string target_of(const tail_options& options) {
  const auto dot = options.table.find('.');
  auto target = "/v1/projects/" + percent_encode(options.project) + "/tail?table=";
  if (dot != std::string::npos) target += percent_encode(options.table.substr(0, dot)) + ".";
  return target +
         percent_encode(dot == std::string::npos ? options.table : options.table.substr(dot + 1));
}

error refusal_of(const admin_access& access, const server_answer& answer) {
  json::error_code failed;
  const auto parsed = json::parse(answer.body, failed);
  const auto* body = failed ? nullptr : parsed.if_object();
  const auto* message = body == nullptr ? nullptr : body->if_contains("message");
  if (message == nullptr || !message->is_string()) {
    return {errc::unavailable,
            fmt::format("{} answered {} instead of opening a stream", access.url, answer.status),
            "check that PULSE_URL is the admin address"};
  }
  return {errc::conflict, fmt::format("Pulse refused ({}): {}", answer.status,
                                      std::string_view(message->get_string()))};
}

// 16 random bytes in base64 (RFC 6455, section 4.1).
std::string random_key() {
  std::string bytes(16, '\0');
  std::random_device random;
  std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
  return to_base64(bytes);
}

error ended(std::string_view why) {
  return {errc::unavailable, fmt::format("Pulse ended the stream: {}", why)};
}

// Opens the WebSocket. What has come behind the answer is in `received`.
result<void> shake_hands(admin_connection& connection, const admin_access& access,
                         const tail_options& options, std::string& received) {
  const auto key = random_key();
  const auto request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\n"
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
      target_of(options), connection.host(), access.token, key);
  server_answer answer;
  auto failed = connection.write(request);
  if (!failed) failed = read_answer(connection, answer);
  if (failed) return nobody_answers(access, failed);
  if (answer.status != 101 || answer.websocket_accept != server::websocket_accept(key)) {
    return refusal_of(access, answer);
  }
  received = std::move(answer.behind);
  return {};
}

// Reads from an open stream until the count is reached. An error: how it ended before that.
class tail_session {
 public:
  tail_session(admin_connection& connection, const tail_options& options, std::string received)
      : connection_(&connection), options_(&options), received_(std::move(received)) {}

  result<void> run() {
    for (;;) {
      std::span<char> rest(received_);
      for (;;) {
        const auto message = reader_.next(rest);
        if (message.what == server::incoming::kind::nothing) break;
        if (const auto taken = take(message); !taken) return taken;
        if (shown_ == options_->count && options_->count != 0) return close();
      }
      received_.erase(0, received_.size() - rest.size());
      if (const auto failed = connection_->read(received_)) return ended(failed.message());
    }
  }

 private:
  result<void> take(const server::incoming& message) {
    using kind = server::incoming::kind;
    switch (message.what) {
      case kind::text:
        show(message.payload);
        return {};
      case kind::ping:
        return send(server::opcode::pong, message.payload);
      case kind::close:
        return ended(fmt::format("{} ({})", message.payload, static_cast<int>(message.code)));
      case kind::violation:
        return ended(message.payload);
      case kind::pong:
      case kind::nothing:
        return {};
    }
    return {};
  }

  void show(std::string_view text) {
    config::say(
        stdout, "{}\n",
        options_->json ? std::string(text) : line_for_people(text, event_line_form::of_one_table));
    std::fflush(stdout);
    ++shown_;
  }

  result<void> send(server::opcode kind, std::string_view payload) {
    std::string frame;
    server::append_masked_control(frame, kind, payload);
    if (const auto failed = connection_->write(frame)) return ended(failed.message());
    return {};
  }

  result<void> close() {
    constexpr std::string_view normal = "\x03\xE8";  // 1000, in network order
    if (const auto sent = send(server::opcode::close, normal); !sent) return sent;
    // Until the server has ended the connection too: to end it before would look like a failure
    // there.
    connection_->set_deadline(std::chrono::seconds(5));
    while (!connection_->read(received_)) received_.clear();
    return {};
  }

  admin_connection* connection_;
  const tail_options* options_;
  std::string received_;
  // An event can be as large as a row.
  server::websocket_reader reader_{std::size_t{2} << 30U, server::frames_of::server};
  std::uint64_t shown_ = 0;
};

result<void> tail(const admin_access& access, const tail_options& options) {
  auto connection = admin_connection::open(access);
  if (!connection) return connection.error();
  std::string received;
  if (const auto open = shake_hands(*connection, access, options, received); !open) return open;
  connection->set_deadline(std::nullopt);
  if (!options.json) config::say(stderr, "waiting for events\n");
  return tail_session(*connection, options, std::move(received)).run();
}

}  // namespace

int tail_table(const admin_access& access, const tail_options& options) {
  const auto outcome = tail(access, options);
  if (outcome) return 0;
  config::say(stderr, "pulse: {}\n", outcome.error().message());
  return 1;
}

}  // namespace pulse::commands
