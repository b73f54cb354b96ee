// A connection that speaks HTTP: one request after the other, until one becomes a stream.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/context.hpp"
#include "server/http/http_message.hpp"
#include "server/http/outgoing_buffer.hpp"
#include "server/http/router.hpp"
#include "server/http/transport.hpp"
#include "server/websocket/stream_opening.hpp"

namespace pulse::server {

// Every request gets an answer; a client that takes too long to ask, or to read, is dropped.
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
  void quiesce() override { keep_alive_ = false; }
  void shut_down() override;
  void abort() override;
  void key_revoked(std::string_view /*key_id*/) override {}

 private:
  enum class phase {
    reading,    // a request
    answering,  // the answer is being worked out
    writing,    // it is being sent
    lingering,  // all is sent; the client is given time to read it and close
    closed,
  };

  std::shared_ptr<http_session> self();
  void wait_readable();
  void read();
  void tls_failed(const boost::system::error_code& why);
  void parse();
  void handle(const http_request& request);
  using opener = std::function<void(const http_request&, std::function<void(opening_result)>)>;
  void open(const http_request& request, const opener& begin);
  std::string_view agree_on_extensions(const http_request& request) const;
  void became_stream(const opening_result& outcome, const std::string& handshake);
  std::optional<refusal> check_attempts(const http_request& request);
  std::optional<refusal> check_name(const http_request& request) const;
  std::string attempts_of() const;
  void refuse(const refusal& why);
  void answer(const http_response& response);
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
  bool wants_key_ = false;                    // the request that is answered
  bool presents_key_ = false;                 // the same
  std::size_t requests_ = 0;                  // that were read
  bool compresses_ = false;
  bool keep_alive_ = false;
  bool head_ = false;
  std::chrono::steady_clock::time_point deadline_{};
};

}  // namespace pulse::server
