// What a route's handler does with the connection that asked: it answers later, streams, waits, or
// makes a WebSocket of it.
#include <utility>

#include "server/http/http_session.hpp"
#include "server/websocket/websocket_handshake.hpp"
#include "server/websocket/websocket_session.hpp"

namespace pulse::server {

// Too late when the deadline has answered already.
answer_ways http_session::ways_to_answer() {
  const auto waits = [self = self(), id = request_id_] {
    return self->phase_ == phase::answering && self->request_id_ == id;
  };
  return {[self = self(), waits](const http_response& response) {
            if (waits()) self->answer(response);
          },
          [self = self(), waits](const http_response& begin,
                                 std::shared_ptr<stream_producer> producer) {
            return waits() ? self->begin_stream(begin, std::move(producer)) : nullptr;
          },
          [self = self(), waits](std::chrono::steady_clock::time_point until,
                                 std::function<void(wait_end)> told) {
            if (waits()) return self->begin_wait(until, std::move(told));
            told(wait_end::client_gone);
          }};
}

// What the client sends meanwhile is read, so that its going away is noticed.
void http_session::begin_wait(std::chrono::steady_clock::time_point until,
                              std::function<void(wait_end)> told) {
  waits_ = std::move(told);
  deadline_ = until + context_->options.answer_timeout;
  if (context_->stopping) return end_wait(wait_end::answer_now);
  if (input_.size() < pipelined_bytes_max) wait_readable();
}

void http_session::end_wait(wait_end why) {
  if (const auto told = std::exchange(waits_, nullptr)) told(why);
}

void http_session::open(const exchange_pointer& asked, const route& row) {
  const auto extensions =
      agree_on_extensions(asked->request(), context_->options.compression, socket_.peer_is_local());
  compresses_ = !extensions.empty();
  row.open(asked,
           [self = self(), handshake = accept_upgrade(asked->request(), request_id_, extensions)](
               const opening_result& outcome) { self->became_stream(outcome, handshake); });
}

void http_session::became_stream(const opening_result& outcome, const std::string& handshake) {
  if (!outcome) {
    if (phase_ == phase::answering) refuse(outcome.error());
    return;
  }
  const auto& session = *outcome;
  if (phase_ != phase::answering || socket_.peer_has_gone()) {
    session->abandon();
    return drop();
  }
  if (context_->stopping) {
    session->abandon();
    return refuse(refuse_while_stopping());
  }
  phase_ = phase::closed;
  leave();
  session->start(std::move(socket_), handshake, std::move(input_), compresses_);
}

std::shared_ptr<http_stream> http_session::begin_stream(const http_response& begin,
                                                        std::shared_ptr<stream_producer> producer) {
  if (!http_1_1_) keep_alive_ = false;
  auto head = serialize_head(begin, request_id_, keep_alive_, http_1_1_);
  if (head_) {
    send_whole(std::move(head));
    return nullptr;
  }
  phase_ = phase::streaming;
  waits_ = nullptr;
  context_->figures.streamed_answers_open.Increment();
  ++context_->streamed_answers;
  deadline_ = context_->now() + context_->options.stalled_stream_timeout;
  stream_ = std::make_shared<streamed_answer>(
      http_1_1_ ? body_framing::chunked : body_framing::until_close,
      context_->options.stream_unsent_bytes_max, std::move(producer), [weak = weak_from_this()] {
        const auto session = std::static_pointer_cast<http_session>(weak.lock());
        if (session) session->schedule_write();
      });
  stream_->out().tail() = std::move(head);
  stream_->send(begin.body);
  schedule_write();
  wait_readable();
  return stream_;
}

void http_session::streamed() {
  const auto stream = stream_;
  if (!stream->is_finished()) return stream->tell_of_room();
  if (stream->unsent_bytes() != 0) return;
  close_stream(stream_end::client_gone);
  phase_ = phase::writing;
  count_as_stranger(true);
  answered();
}

// The handler hears of it unless it has ended the answer itself.
void http_session::close_stream(stream_end why) {
  const auto stream = std::exchange(stream_, nullptr);
  if (!stream) return;
  context_->figures.streamed_answers_open.Decrement();
  --context_->streamed_answers;
  stream->end(why);
}

}  // namespace pulse::server
