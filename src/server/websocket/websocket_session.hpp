// One open stream on one WebSocket.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/context.hpp"
#include "server/http/outgoing_buffer.hpp"
#include "server/http/transport.hpp"
#include "server/websocket/websocket_frames.hpp"

namespace pulse::server {

// Made before the stream is opened, because the hub wants its subscriber then; on the socket from
// start() on. Frames of one turn of the event loop are gathered and written together; what the
// client sends is read into memory that all sessions share. An idle session holds no buffers.
class websocket_session final : public connection, public streams::subscriber {
 public:
  websocket_session(std::shared_ptr<server_context> context, key_identity key,
                    std::string request_id);

  // The hub has opened the stream for this session.
  void opened(std::shared_ptr<stream_host> host, filters::stream_id stream);
  // Sends the handshake's answer and begins. `received` is what came behind the request.
  void start(transport socket, std::string_view handshake, std::string received, bool compresses);
  // Instead of start(): the client has gone while the stream was being opened.
  void abandon();

  // streams::subscriber
  void send(const event_id& id, std::string_view event_json) override;
  std::size_t unsent_bytes() const override;
  void end(streams::end_reason reason, std::string_view message) override;

  // connection
  void tick(std::chrono::steady_clock::time_point now) override;
  bool busy(std::chrono::steady_clock::time_point now) const override;
  void quiesce() override;
  void shut_down() override;
  void abort() override;
  void key_revoked(std::string_view key_id) override;

 private:
  enum class phase {
    opening,
    open,
    draining,  // the stream has ended; acknowledgements on their way are let in before the close
    closing,   // a close frame has been sent, or waits to be
    closed,
  };

  std::shared_ptr<websocket_session> self();
  void wait_readable();
  void read();
  void take(const incoming& message);
  void take_text(std::string_view text);
  void take_compressed(std::string_view payload);
  void take_ping(std::string_view payload);
  void schedule_flush();
  void flush();
  void flushed();
  void let_events_out();
  std::string_view sendable() const;
  void drain(std::string_view message);
  void acknowledged_while_draining();
  void begin_close(close_code code, std::string_view reason);
  void leave_host();
  void drop(std::string_view why);
  std::chrono::steady_clock::time_point after(std::chrono::milliseconds wait) const;

  std::shared_ptr<server_context> context_;
  key_identity key_;
  std::string request_id_;
  std::shared_ptr<stream_host> host_;  // null: the stream is not open, or over
  filters::stream_id stream_{};
  std::optional<transport> socket_;

  phase phase_ = phase::opening;
  std::string ending_;  // the close's reason while draining
  bool closes_when_drained_ = false;
  outgoing_buffer out_;
  bool compresses_ = false;  // permessage-deflate was agreed on
  // Bytes of `out_` that may leave while the client has not answered the first ping.
  std::optional<std::size_t> before_events_;
  bool flush_posted_ = false;
  bool waiting_writable_ = false;
  bool congested_ = false;
  std::optional<std::string> late_pong_;  // the answer to the newest ping, while much is unsent
  std::size_t unacknowledged_ = 0;

  websocket_reader reader_;
  std::string unfinished_;   // of the frame that is being received
  bool discarding_ = false;  // what is received means nothing any more
  bool peer_closed_ = false;
  bool pinged_ = false;
  std::chrono::steady_clock::time_point heard_at_{};
  std::chrono::steady_clock::time_point deadline_{};
};

}  // namespace pulse::server
