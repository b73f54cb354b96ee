// A connection that speaks HTTP: one request after the other, until one becomes a stream.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/context.hpp"
#include "server/http/http_message.hpp"
#include "server/http/http_stream.hpp"
#include "server/http/outgoing_buffer.hpp"
#include "server/http/route_table.hpp"
#include "server/http/streamed_answer.hpp"
#include "server/http/transport.hpp"

namespace pulse::server {

// Every request gets an answer; a client that takes too long to ask, or to read, is dropped. What a
// route's handler streams is sent as far as the client takes it.
class http_session final : public connection {
 public:
  // `origin`: the network_of() the client's address.
  http_session(std::shared_ptr<server_context> context, transport socket, surface where,
               std::string origin);

  void start();
  // Instead of start(): answers without reading a request, and closes.
  void start_refusing(const refusal& why);

  // connection
  void tick(std::chrono::steady_clock::time_point now) override;
  bool busy(std::chrono::steady_clock::time_point now) const override;
  void quiesce() override;
  void shut_down() override;
  void abort() override { drop(); }
  bool make_room() override {
    const auto alive = self();
    const auto before = requests_;
    read();
    if (requests_ != before) return false;
    drop();
    return true;
  }
  void key_revoked(std::string_view key_id) override;

 private:
  enum class phase {
    reading,    // a request
    answering,  // the answer is being worked out
    writing,    // it is being sent
    streaming,  // its handler makes it bit by bit
    lingering,  // all is sent; the client is given time to read it and close
    closed,
  };

  std::shared_ptr<http_session> self() {
    return std::static_pointer_cast<http_session>(shared_from_this());
  }
  void wait_readable();
  void read();
  void tls_failed(const boost::system::error_code& why);
  void parse();
  void handle(http_request request);
  void open(const exchange_pointer& asked, const route& row);
  void became_stream(const opening_result& outcome, const std::string& handshake);
  answer_ways ways_to_answer();
  void wait_to_answer(std::chrono::milliseconds longest, std::function<void(wait_end)> ended);
  void tell_not_awaited(wait_end why);
  std::shared_ptr<http_stream> begin_stream(const http_response& begin,
                                            std::shared_ptr<stream_producer> producer);
  void schedule_write();
  void streamed();
  void close_stream(stream_end why);
  void refuse(const refusal& why);
  void answer(const http_response& response);
  void send_whole(std::string bytes);
  void write();
  void answered();
  void enter();
  void leave();
  void count_as_stranger(bool counts);
  void drop();
  void hold(std::size_t bytes);

  std::shared_ptr<server_context> context_;
  transport socket_;
  surface where_;
  phase phase_ = phase::reading;
  std::unique_ptr<http_request_reader> reader_;
  std::string input_;
  std::size_t held_ = 0;  // of input_, as counted in the context
  outgoing_buffer out_;
  std::string request_id_;
  std::string origin_;
  std::optional<strangers::place> stranger_;  // is counted so
  std::string key_id_;                        // that the answered request came with; empty: none
  std::shared_ptr<streamed_answer> stream_;   // while streaming
  std::function<void(wait_end)> when_not_awaited_;  // while an answer may take long
  std::size_t requests_ = 0;                        // that were read
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  bool write_posted_ = false;
  bool told_to_stop_ = false;  // the server stops
  bool compresses_ = false;
  bool http_1_1_ = true;
  bool keep_alive_ = false;
  bool head_ = false;
  std::chrono::steady_clock::time_point deadline_{};
  std::chrono::steady_clock::time_point stop_deadline_{};  // for what streams
};

}  // namespace pulse::server
