// What ends an HTTP connection from outside: time, the server, and who is told of it.
#include <utility>

#include "server/http/http_session.hpp"

namespace pulse::server {

void http_session::enter() {
  context_->connections.add(self());
  if (where_ == surface::admin) ++context_->admin_connections;
  count_as_stranger(true);
}

void http_session::leave() {
  hold(0);
  context_->connections.remove(this);
  if (where_ == surface::admin) --context_->admin_connections;
  count_as_stranger(false);
}

// Not while it is answered: a thousand clients that connect again at once, through one proxy, have
// all asked before any of them has its stream.
void http_session::count_as_stranger(bool counts) {
  auto& all = context_->strangers_of(where_);
  if (stranger_) all.remove(*std::exchange(stranger_, std::nullopt));
  if (counts) stranger_ = all.add(this, origin_);
}

// What unfinished requests hold is counted over all connections.
void http_session::hold(std::size_t bytes) {
  context_->request_bytes += bytes;
  context_->request_bytes -= held_;
  held_ = bytes;
}

void http_session::drop() {
  if (phase_ == phase::closed) return;
  const auto alive = self();
  close_stream(stream_end::client_gone);
  phase_ = phase::closed;
  tell_not_awaited(wait_end::client_gone);
  leave();
  socket_.close();
}

void http_session::tick(std::chrono::steady_clock::time_point now) {
  if (phase_ == phase::streaming && stream_->unsent_bytes() == 0) {
    deadline_ = now + context_->options.stalled_stream_timeout;
    return stream_->out().release();
  }
  if (phase_ == phase::closed || now < deadline_) return;
  switch (phase_) {
    case phase::reading:
      if (input_.empty() && !reader_) return drop();
      return refuse({408, pulse_code::server_error, "the request did not arrive in time"});
    case phase::answering:
      tell_not_awaited(wait_end::client_gone);
      return refuse(
          {503, pulse_code::server_error,
           "Pulse could not answer in time, because PostgreSQL or a disk does not respond",
           "try again; /capturez on the admin address shows the state of capture"});
    case phase::streaming:
      context_->figures.streamed_answers_stalled.Increment();
      close_stream(stream_end::stalled);
      return drop();
    case phase::writing:
    case phase::lingering:
    case phase::closed:
      return drop();
  }
}

// A connection that has asked nothing yet was made to ask: its request is on its way.
bool http_session::busy(std::chrono::steady_clock::time_point now) const {
  switch (phase_) {
    case phase::reading:
      return requests_ == 0 || !input_.empty();
    case phase::answering:
    case phase::writing:
      return true;
    case phase::streaming:
      return told_to_stop_ && now < stop_deadline_;
    case phase::lingering:
    case phase::closed:
      return false;
  }
  return false;
}

void http_session::quiesce() {
  keep_alive_ = false;
  told_to_stop_ = true;
  stop_deadline_ = context_->now() + context_->options.draining_timeout;
  if (stream_) stream_->tell_of_stopping();
  tell_not_awaited(wait_end::shutdown);
}

void http_session::shut_down() {
  keep_alive_ = false;
  close_stream(stream_end::shutdown);
  if (phase_ != phase::answering && phase_ != phase::writing) drop();
}

void http_session::key_revoked(std::string_view key_id) {
  if (key_id_ != key_id) return;
  if (phase_ == phase::answering) return tell_not_awaited(wait_end::key_revoked);
  if (phase_ != phase::streaming) return;
  close_stream(stream_end::key_revoked);
  drop();
}

void http_session::tell_not_awaited(wait_end why) {
  if (const auto ended = std::exchange(when_not_awaited_, nullptr)) ended(why);
}

}  // namespace pulse::server
