#include "server/websocket/deflate.hpp"

#include <boost/beast/websocket.hpp>
#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/server/running_server.hpp"

namespace pulse::server {
namespace {

namespace websocket = boost::beast::websocket;

TEST(deflate, agrees_to_offers_that_it_can_keep_and_declines_others) {
  for (const auto* offer : {
           "permessage-deflate",
           "permessage-deflate; client_max_window_bits",
           "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
           " PERMESSAGE-DEFLATE ;server_max_window_bits=15",
           "x-webkit-deflate-frame, permessage-deflate; client_no_context_takeover",
           "permessage-deflate; server_max_window_bits=10, permessage-deflate",
       }) {
    EXPECT_EQ(answer_to_offer(offer),
              "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
        << offer;
  }
  for (const auto* offer :
       {"", "x-other", "permessage-deflate; server_max_window_bits=9",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; unknown", "permessage-deflate; server_max_window_bits",
        ",;=", "permessage-deflated"}) {
    EXPECT_EQ(answer_to_offer(offer), "") << offer;
  }
}

RC_GTEST_PROP(deflate, what_was_compressed_comes_back, ()) {
  message_deflater deflater;
  message_inflater inflater;
  for (int messages = 0; messages < 3; ++messages) {
    // Repetitive, so that it pays.
    const auto piece = *rc::gen::nonEmpty<std::string>();
    std::string message;
    while (message.size() < message_deflater::bytes_min) message += piece;
    const auto compressed = deflater.compress(message);
    if (!compressed) continue;
    RC_ASSERT(compressed->size() < message.size());
    RC_ASSERT(inflater.inflate(*compressed, message.size()).value() == message);
    RC_ASSERT(inflater.inflate(*compressed, message.size() - 1).error().code ==
              errc::invalid_argument);
  }
}

RC_GTEST_PROP(deflate, arbitrary_bytes_are_read_or_refused, (const std::string& bytes)) {
  message_inflater inflater;
  const auto read = inflater.inflate(bytes, 1000);
  if (read) RC_ASSERT(read->size() <= 1000U);
}

TEST(deflate, small_messages_and_those_that_stay_large_are_left_alone) {
  message_deflater deflater;
  EXPECT_FALSE(deflater.compress(std::string(message_deflater::bytes_min - 1, 'a')));
  std::string noise;
  std::mt19937 random(1);
  while (noise.size() < 5000) noise += static_cast<char>(random());
  EXPECT_FALSE(deflater.compress(noise));
}

class compressing_server : public running_server {
 protected:
  using client = websocket::stream<tcp::socket>;

  client open(compression_policy policy) {
    server_options options;
    options.compression = policy;
    start(options);
    client socket(connect(ports.streams));
    websocket::permessage_deflate offer;
    offer.client_enable = true;
    offer.msg_size_threshold = 0;
    socket.set_option(offer);
    socket.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set("authorization", "Bearer good-key");
      request.set("subscription", a_subscription);
      request.set("stream", "{}");
    }));
    socket.handshake(answer, "127.0.0.1", "/stream");
    return socket;
  }
  static std::string receive(client& socket) {
    boost::beast::flat_buffer buffer;
    socket.read(buffer);
    return std::string(static_cast<const char*>(buffer.data().data()), buffer.size());
  }

  websocket::response_type answer;
};

TEST_F(compressing_server, sends_large_events_compressed_and_takes_compressed_acknowledgements) {
  auto socket = open(compression_policy::on);
  EXPECT_EQ(answer["sec-websocket-extensions"],
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  for (const auto& event : {std::string(100'000, 'e'), std::string("small"),
                            std::string(50'000, 'f'), std::string(50'000, 'f')}) {
    on_server([&] { host->subscriber->send({}, event); });
    EXPECT_TRUE(receive(socket) == event);
  }
  socket.write(
      boost::asio::buffer(std::string(R"({"type":"ack","id":"01HF7YAT0C00000010G0000004"})")));
  while (on_server([&] { return host->acknowledged.empty(); })) std::this_thread::yield();
}

TEST_F(compressing_server, does_not_compress_for_a_client_on_the_same_machine_by_itself) {
  auto socket = open(compression_policy::automatic);
  EXPECT_EQ(answer["sec-websocket-extensions"], "");
}

}  // namespace
}  // namespace pulse::server
