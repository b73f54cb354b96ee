// What the client of a stream sends.
#include <algorithm>
#include <cstring>

#include <boost/asio/error.hpp>

#include "base/logging.hpp"
#include "server/websocket/client_message.hpp"
#include "server/websocket/websocket_session.hpp"

namespace pulse::server {

void websocket_session::wait_readable() {
  socket_->wait_readable([self = self()](const boost::system::error_code& failed) {
    if (failed != boost::asio::error::operation_aborted) self->read();
  });
}

void websocket_session::read() {
  if (phase_ == phase::closed) return;
  auto& scratch = context_->scratch;
  std::memcpy(scratch.data(), unfinished_.data(), std::min(unfinished_.size(), scratch.size()));
  auto used = std::min(unfinished_.size(), scratch.size());
  const auto got = socket_->read_some(std::span(scratch).subspan(used));
  if (got.failed) return drop(got.failed.message());
  if (got.bytes != 0) {
    heard_at_ = context_->now();
    pinged_ = false;
  }
  used += got.bytes;
  unfinished_.clear();

  auto bytes = std::span(scratch).first(used);
  while (!discarding_ && phase_ != phase::closed) {
    const auto message = reader_.next(bytes);
    if (message.what == incoming::kind::nothing) break;
    take(message);
  }
  if (phase_ == phase::closed) return;
  if (got.ended) return drop("the client closed the connection");
  if (!discarding_) unfinished_.assign(bytes.data(), bytes.size());
  wait_readable();
}

void websocket_session::take(const incoming& message) {
  switch (message.what) {
    case incoming::kind::nothing:
      return;
    case incoming::kind::pong:
      return let_events_out();
    case incoming::kind::text:
      return message.compressed ? take_compressed(message.payload) : take_text(message.payload);
    case incoming::kind::ping:
      return take_ping(message.payload);
    case incoming::kind::close:
      discarding_ = true;
      peer_closed_ = true;
      leave_host();
      begin_close(message.code == close_code::none ? close_code::normal : message.code, {});
      // The answer may have gone out already, with nothing left to flush.
      schedule_flush();
      return;
    case incoming::kind::violation:
      discarding_ = true;
      context_->figures.protocol_violations.Increment();
      log_warning("server", "stream closed: invalid message from the consumer",
                  {{"project", key_.project},
                   {"key", key_.key_id},
                   {"peer", socket_->peer()},
                   {"request_id", request_id_},
                   {"reason", message.payload}});
      leave_host();
      begin_close(message.code, message.payload);
      return;
  }
}

void websocket_session::acknowledged(std::size_t events) {
  unacknowledged_ -= std::min(unacknowledged_, events);
  if (phase_ == phase::draining) acknowledged_while_draining();
}

// A consumer that works through what it has is waited for.
void websocket_session::acknowledged_while_draining() {
  deadline_ = after(context_->options.draining_timeout);
  if (closes_when_drained_ && unacknowledged_ == 0) begin_close(close_code::going_away, ending_);
}

void websocket_session::take_compressed(std::string_view payload) {
  const auto text = context_->inflater.inflate(payload, context_->options.message_bytes_max);
  if (text) return take_text(*text);
  take({incoming::kind::violation, text.error().what,
        text.error().code == errc::protocol ? close_code::invalid_payload : close_code::too_big});
}

void websocket_session::take_text(std::string_view text) {
  const auto message = parse_client_message(text);
  switch (message.what) {
    case client_message::kind::acknowledgement:
      if (host_) host_->acknowledge(stream_, message.id);
      return acknowledged(1);
    case client_message::kind::acknowledgements:
      for (const auto& id : message.ids) {
        if (host_) host_->acknowledge(stream_, id);
      }
      return acknowledged(message.ids.size());
    case client_message::kind::through:
      // Without a stream the client is only waited for.
      if (!host_) return acknowledged(unacknowledged_);
      return acknowledged(host_->acknowledge_through(stream_, message.id).value_or(0));
    case client_message::kind::unknown:
      context_->figures.ignored_messages.Increment();
      return;
    case client_message::kind::malformed:
      return take({incoming::kind::violation, "a message that is not JSON in UTF-8",
                   close_code::invalid_payload});
  }
}

// RFC 6455, section 5.5.3: of several pings that wait for an answer, answering the newest is
// enough. That bounds what a client that pings and does not read can make the server hold.
void websocket_session::take_ping(std::string_view payload) {
  if (phase_ == phase::closing) return;
  if (out_.size() > context_->options.unsent_low_bytes) {
    late_pong_ = payload;
    return;
  }
  append_frame(out_.tail(), opcode::pong, payload);
  schedule_flush();
}

}  // namespace pulse::server
