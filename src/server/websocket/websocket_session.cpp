#include "server/websocket/websocket_session.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "base/logging.hpp"
#include "server/websocket/client_message.hpp"

namespace pulse::server {
namespace {

close_code code_of(streams::end_reason reason) {
  switch (reason) {
    case streams::end_reason::shutdown:
    case streams::end_reason::cursor_moved:
      return close_code::going_away;
    case streams::end_reason::slow:
      return close_code::try_again_later;
    // Its keys open nothing any more.
    case streams::end_reason::project_removed:
    case streams::end_reason::key_revoked:
      return close_code::policy_violation;
    case streams::end_reason::gap:
      return close_code::gap;
    case streams::end_reason::failure:
      return close_code::internal_error;
  }
  return close_code::internal_error;
}

constexpr std::string_view shutdown_message = "Pulse is shutting down";

}  // namespace

websocket_session::websocket_session(std::shared_ptr<server_context> context, key_identity key,
                                     std::string request_id)
    : context_(std::move(context)),
      key_(std::move(key)),
      request_id_(std::move(request_id)),
      reader_(context_->options.message_bytes_max) {}

std::shared_ptr<websocket_session> websocket_session::self() {
  return std::static_pointer_cast<websocket_session>(shared_from_this());
}

std::chrono::steady_clock::time_point websocket_session::after(
    std::chrono::milliseconds wait) const {
  return context_->now() + wait;
}

void websocket_session::opened(std::shared_ptr<stream_host> host, filters::stream_id stream) {
  host_ = std::move(host);
  stream_ = stream;
}

void websocket_session::start(transport socket, std::string_view handshake, std::string received,
                              bool compresses) {
  socket_.emplace(std::move(socket));
  compresses_ = compresses;
  if (compresses) reader_.allow_compressed();
  heard_at_ = context_->now();
  context_->connections.add(self());
  out_.tail().append(handshake);
  schedule_flush();
  if (phase_ == phase::opening) {
    phase_ = phase::open;
    // The official client before 1.2.2 listens when its user's loop runs, and loses what it reads
    // together with the handshake. It answers a ping in the same turn in which the loop begins:
    // what follows the answer is read later.
    if (const auto most = context_->options.first_pong_timeout; most.count() != 0) {
      append_frame(out_.tail(), opcode::ping, "listening?");
      before_events_ = out_.size();
      deadline_ = after(most);
    }
  } else if (phase_ == phase::closing) {
    // The hub ended the stream before the socket was here.
    deadline_ = after(context_->options.closing_timeout);
    append_close(out_.tail(), close_code::going_away, ending_);
  }
  unfinished_ = std::move(received);
  if (unfinished_.empty()) return wait_readable();
  boost::asio::post(socket_->executor(), [self = self()] { self->read(); });
}

void websocket_session::abandon() {
  phase_ = phase::closed;
  leave_host();
}

void websocket_session::send(const event_id& /*id*/, std::string_view event_json) {
  if (phase_ != phase::open) return;
  const auto compressed = compresses_ ? context_->deflater.compress(event_json) : std::nullopt;
  if (compressed) {
    context_->figures.compression_saved_bytes.Increment(
        static_cast<double>(event_json.size() - compressed->size()));
    append_compressed_text(out_.tail(), *compressed);
  } else {
    append_frame(out_.tail(), opcode::text, event_json);
  }
  ++unacknowledged_;
  if (out_.size() > context_->options.unsent_low_bytes) congested_ = true;
  schedule_flush();
}

std::size_t websocket_session::unsent_bytes() const {
  return out_.size();
}

void websocket_session::end(streams::end_reason reason, std::string_view message) {
  // The hub has closed the stream itself and must not be called from here.
  host_.reset();
  if (phase_ == phase::opening) {
    phase_ = phase::closing;
    ending_ = message;
  } else if (phase_ == phase::open) {
    if (reason == streams::end_reason::shutdown) return drain(message);
    begin_close(code_of(reason), message);
  }
}

// A client that acknowledges while it reconnects ends its own stream: let what it has in hand come
// in before closing.
void websocket_session::drain(std::string_view message) {
  if (unacknowledged_ == 0) return begin_close(close_code::going_away, message);
  let_events_out();
  phase_ = phase::draining;
  ending_ = message;
  closes_when_drained_ = true;
  deadline_ = after(context_->options.draining_timeout);
}

void websocket_session::begin_close(close_code code, std::string_view reason) {
  if (phase_ == phase::closing || phase_ == phase::closed) return;
  phase_ = phase::closing;
  deadline_ = after(context_->options.closing_timeout);
  before_events_.reset();
  late_pong_.reset();
  append_close(out_.tail(), code, reason);
  schedule_flush();
}

void websocket_session::leave_host() {
  if (const auto host = std::exchange(host_, nullptr)) host->close(stream_);
}

void websocket_session::drop(std::string_view why) {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  if (context_->lines.ended.take(context_->now())) {
    log_info("server", "stream ended",
             {{"project", key_.project},
              {"key", key_.key_id},
              {"request_id", request_id_},
              {"reason", why}});
  }
  const auto alive = self();
  context_->connections.remove(this);
  leave_host();
  if (socket_) socket_->close();
}

void websocket_session::tick(std::chrono::steady_clock::time_point now) {
  const auto& options = context_->options;
  switch (phase_) {
    case phase::opening:
    case phase::closed:
      return;
    case phase::draining:
      if (closes_when_drained_ && now >= deadline_) begin_close(close_code::going_away, ending_);
      return;
    case phase::closing:
      if (now >= deadline_) drop("the client did not close in time");
      return;
    case phase::open:
      break;
  }
  if (now >= deadline_) let_events_out();
  out_.release();
  if (unfinished_.empty()) unfinished_ = {};
  const auto silent = now - heard_at_;
  if (silent >= options.silence_before_ping + options.silence_after_ping && pinged_) {
    context_->figures.silent_clients.Increment();
    drop("the client was silent and did not answer a ping");
  } else if (silent >= options.silence_before_ping && !pinged_) {
    pinged_ = true;
    append_frame(out_.tail(), opcode::ping, "pulse");
    schedule_flush();
  }
}

bool websocket_session::busy(std::chrono::steady_clock::time_point now) const {
  return phase_ == phase::draining && unacknowledged_ != 0 && now < deadline_;
}

void websocket_session::quiesce() {
  if (phase_ != phase::open) return;
  if (host_) host_->quiesce(stream_);
  let_events_out();
  phase_ = phase::draining;
  deadline_ = after(context_->options.draining_timeout);
}

void websocket_session::shut_down() {
  begin_close(close_code::going_away, shutdown_message);
}

void websocket_session::abort() {
  drop("Pulse is shutting down and the client did not close");
}

void websocket_session::key_revoked(std::string_view key_id) {
  if ((phase_ != phase::open && phase_ != phase::draining) || key_.key_id != key_id) return;
  leave_host();
  begin_close(code_of(streams::end_reason::key_revoked), "the API key was revoked");
}

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
      if (unacknowledged_ != 0) --unacknowledged_;
      if (host_) host_->acknowledge(stream_, message.id);
      if (phase_ == phase::draining) acknowledged_while_draining();
      return;
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

void websocket_session::schedule_flush() {
  if (flush_posted_ || waiting_writable_ || !socket_) return;
  flush_posted_ = true;
  boost::asio::post(socket_->executor(), [self = self()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void websocket_session::let_events_out() {
  if (!before_events_) return;
  before_events_.reset();
  schedule_flush();
}

std::string_view websocket_session::sendable() const {
  return out_.unsent().substr(0, before_events_.value_or(std::string_view::npos));
}

void websocket_session::flush() {
  if (phase_ == phase::closed) return;
  std::size_t sent = 0;
  while (!sendable().empty()) {
    const auto done = socket_->write_some(sendable());
    if (done.failed) return drop(done.failed.message());
    if (done.bytes == 0) break;
    out_.sent(done.bytes);
    if (before_events_) *before_events_ -= done.bytes;
    sent += done.bytes;
  }
  if (sent != 0) context_->figures.sent_bytes.Increment(static_cast<double>(sent));
  flushed();
  if (sendable().empty() || phase_ == phase::closed) return;
  waiting_writable_ = true;
  socket_->wait_writable([self = self()](const boost::system::error_code& failed) {
    self->waiting_writable_ = false;
    if (failed != boost::asio::error::operation_aborted) self->flush();
  });
}

void websocket_session::flushed() {
  if (out_.size() > context_->options.unsent_low_bytes) return;
  if (late_pong_) append_frame(out_.tail(), opcode::pong, *std::exchange(late_pong_, std::nullopt));
  if (congested_) {
    congested_ = false;
    if (host_) host_->writable(stream_);
  }
  if (phase_ != phase::closing || !out_.empty()) return;
  if (peer_closed_) {
    drop("closed");
  } else if (discarding_) {
    // The client may still be sending; closing now would make the system discard the reason on its
    // way.
    socket_->finish_writing();
  }
}

}  // namespace pulse::server
