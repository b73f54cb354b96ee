// The server's WebSocket side against a client that is not of this project: Beast's.
#pragma once

#include <string>
#include <string_view>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "tests/unit/server/running_server.hpp"

namespace pulse::server {

namespace websocket = boost::beast::websocket;
using client = websocket::stream<boost::asio::ip::tcp::socket>;

inline constexpr const char* an_id = "01HYZ3T9QK7B2M4N6P8R0S1T2V";
inline const std::string an_ack = R"({"type":"ack","id":"01HYZ3T9QK7B2M4N6P8R0S1T2V"})";

class websocket_server : public running_server {
 protected:
  client open(const std::string& path = "/stream", const std::string& key = "good-key") {
    client socket(connect(ports.streams));
    socket.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
      request.set("authorization", "Bearer " + key);
      request.set("subscription", a_subscription);
      request.set("stream", "{}");
      request.set("sec-websocket-protocol", "");
    }));
    socket.handshake("127.0.0.1", path);
    return socket;
  }

  void send(std::string_view event) {
    on_server([&] { host->subscriber->send({}, event); });
  }

  static std::string receive(client& socket) {
    boost::beast::flat_buffer buffer;
    boost::system::error_code failed;
    socket.read(buffer, failed);
    if (failed) return failed.message();
    return {static_cast<const char*>(buffer.data().data()), buffer.size()};
  }

  static unsigned close_code_of(client& socket) {
    boost::beast::flat_buffer buffer;
    boost::system::error_code failed;
    socket.read(buffer, failed);
    EXPECT_EQ(failed, websocket::error::closed);
    return socket.reason().code;
  }

  static void say(client& socket, const std::string& text) {
    socket.write(boost::asio::buffer(text));
  }
};

}  // namespace pulse::server
