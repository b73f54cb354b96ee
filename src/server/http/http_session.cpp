#include "server/http/http_session.hpp"

#include <span>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "base/logging.hpp"
#include "server/http/admission.hpp"
#include "server/http/hosts.hpp"
#include "server/stream_opener.hpp"
#include "server/websocket/websocket_handshake.hpp"
#include "server/websocket/websocket_session.hpp"

namespace pulse::server {
namespace {

constexpr std::string_view continue_answer = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

http_session::http_session(std::shared_ptr<server_context> context, transport socket, surface where,
                           std::string origin)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      where_(where),
      origin_(std::move(origin)) {}

void http_session::enter() {
  context_->connections.add(self());
  if (where_ == surface::admin) ++context_->admin_connections;
  count_as_stranger(true);
}

void http_session::leave() {
  hold(0);
  hold_answer(0);
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

void http_session::start() {
  enter();
  deadline_ = context_->now() + context_->options.request_timeout;
  wait_readable();
}

void http_session::start_refusing(const refusal& why) {
  enter();
  refuse(why);
}

// What unfinished requests hold is counted over all connections.
void http_session::hold(std::size_t bytes) {
  context_->request_bytes += bytes;
  context_->request_bytes -= held_;
  held_ = bytes;
}

void http_session::hold_answer(std::size_t bytes) {
  context_->answer_bytes += bytes;
  context_->answer_bytes -= unsent_;
  unsent_ = bytes;
}

void http_session::drop() {
  if (phase_ == phase::closed) return;
  const auto alive = self();
  close_stream(stream_end::client_gone);
  end_wait(wait_end::client_gone);
  phase_ = phase::closed;
  leave();
  socket_.close();
}

void http_session::tick(std::chrono::steady_clock::time_point now) {
  if (phase_ == phase::streaming && stream_->unsent_bytes() == 0) {
    deadline_ = now + context_->options.stalled_stream_timeout;
    stream_->out().release();
  }
  if (stream_ && now < deadline_) return std::shared_ptr(stream_)->tick(now);
  if (phase_ == phase::closed || now < deadline_) return;
  switch (phase_) {
    case phase::reading:
      if (input_.empty() && !reader_) return drop();
      return refuse({408, pulse_code::server_error, "the request did not arrive in time"});
    case phase::answering:
      // Whoever works at the answer need not any more.
      end_wait(wait_end::client_gone);
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
      // What waits on purpose is told of the stop, and answers then.
      return !waits_;
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
  end_wait(wait_end::answer_now);
}

void http_session::shut_down() {
  keep_alive_ = false;
  close_stream(stream_end::shutdown);
  if (phase_ != phase::answering && phase_ != phase::writing) drop();
}

void http_session::key_revoked(std::string_view key_id) {
  if (key_id_ != key_id) return;
  end_wait(wait_end::answer_now);
  if (phase_ != phase::streaming) return;
  close_stream(stream_end::key_revoked);
  drop();
}

void http_session::wait_readable() {
  if (std::exchange(waiting_readable_, true)) return;
  socket_.wait_readable([self = self()](const boost::system::error_code& failed) {
    self->waiting_readable_ = false;
    if (failed != boost::asio::error::operation_aborted) self->read();
  });
}

void http_session::read() {
  const bool is_answering = phase_ == phase::streaming || (phase_ == phase::answering && waits_);
  if (phase_ != phase::reading && phase_ != phase::lingering && !is_answering) return;
  const auto scratch = is_answering ? std::span(context_->scratch).first(pipelined_bytes_max)
                                    : std::span(context_->scratch);
  const auto got = socket_.read_some(scratch);
  if (got.failed && socket_.is_encrypted()) return tls_failed(got.failed);
  if (got.failed || got.ended) return drop();
  if (phase_ == phase::lingering) return wait_readable();
  input_.append(scratch.data(), got.bytes);
  if (is_answering) {
    hold(input_.capacity());
    // While nobody reads, only a failing write tells that the client has gone.
    if (input_.size() < pipelined_bytes_max) wait_readable();
    return;
  }
  parse();
}

// A client that does not know that the connection is to be encrypted is told in its own language.
void http_session::tls_failed(const boost::system::error_code& why) {
  if (requests_ == 0) context_->figures.tls_failures.Increment();
  log_debug("server", "encrypted connection failed",
            {{"peer", socket_.peer()}, {"reason", why.message()}});
  if (phase_ != phase::reading || !socket_.fall_back_to_plain_http()) return drop();
  refuse({400, pulse_code::server_error, "this address speaks TLS only",
          "connect with https:// or wss://"});
}

void http_session::parse() {
  if (phase_ != phase::reading) return;
  if (!reader_) {
    if (input_.empty()) return wait_readable();
    reader_ = std::make_unique<http_request_reader>(context_->options.http);
    deadline_ = context_->now() + context_->options.request_timeout;
  }
  const auto outcome = reader_->read(input_);
  hold(input_.capacity() + reader_->body_bytes());
  if (!outcome) {
    request_id_.clear();
    return refuse(outcome.error());
  }
  if (*outcome == http_request_reader::progress::complete) {
    auto request = std::exchange(reader_, nullptr)->take();
    if (input_.empty()) input_ = {};
    hold(input_.capacity());
    return handle(std::move(request));
  }
  // One that does not fit into the socket's empty buffer would be no small answer.
  if (reader_->wants_continue() && socket_.write_some(continue_answer).failed) return drop();
  if (context_->request_bytes > context_->options.request_bytes_max) {
    return refuse({503, pulse_code::server_error,
                   "Pulse is receiving too many large requests at once", "try again"});
  }
  wait_readable();
}

void http_session::handle(http_request request) {
  phase_ = phase::answering;
  count_as_stranger(false);
  ++requests_;
  deadline_ = context_->now() + context_->options.answer_timeout;
  request_id_ = context_->next_request_id();
  http_1_1_ = request.http_1_1;
  keep_alive_ = request.keep_alive && !context_->stopping;
  head_ = request.method == "HEAD";
  const auto bad = where_ == surface::admin
                       ? check_admin_host(request, context_->options.admin_hosts)
                       : check_host(request);
  if (bad) return refuse(*bad);
  auto found = context_->routes->find(where_, request.method, request.path());
  if (!found) return answer(to_response(found.error(), request_id_));
  const auto& row = *found->row;
  if (row.open) {
    keep_alive_ = false;  // a refused client connects anew
    if (const auto no_upgrade = check_upgrade(request)) return refuse(*no_upgrade);
  }
  auto who = admit(*context_, where_, origin_, request, row.wants);
  if (!who) {
    if (row.open) note_refused_stream(*context_, {}, request_id_, who.error());
    if (who.error().status == 429) keep_alive_ = false;
    return answer(to_response(who.error(), request_id_));
  }
  key_id_ = who->key.key_id;
  const auto asked = std::make_shared<http_exchange>(context_, where_, std::move(request),
                                                     request_id_, std::move(found->parameters),
                                                     std::move(*who), ways_to_answer());
  if (row.open) return open(asked, row);
  row.handle(asked);
}

void http_session::refuse(const refusal& why) {
  keep_alive_ = false;
  if (request_id_.empty()) request_id_ = context_->next_request_id();
  answer(to_response(why, request_id_));
}

void http_session::answer(const http_response& response) {
  send_whole(serialize(response, request_id_, keep_alive_, head_));
}

void http_session::send_whole(std::string bytes) {
  phase_ = phase::writing;
  waits_ = nullptr;
  hold_answer(bytes.size());
  count_as_stranger(true);
  deadline_ = context_->now() + context_->options.request_timeout +
              std::chrono::seconds(bytes.size() / context_->options.answer_bytes_per_second_min);
  out_.tail() = std::move(bytes);
  write();
}

// What a handler sends in one turn leaves together.
void http_session::schedule_write() {
  const bool waits = waiting_writable_ && !(stream_ && stream_->is_cut());
  if (waits || std::exchange(write_posted_, true)) return;
  boost::asio::post(socket_.executor(), [self = self()] {
    self->write_posted_ = false;
    self->write();
  });
}

void http_session::write() {
  if (phase_ != phase::writing && phase_ != phase::streaming) return;
  if (stream_ && stream_->is_cut()) return drop();
  auto& out = stream_ ? stream_->out() : out_;
  while (!out.empty()) {
    const auto done = socket_.write_some(out.unsent());
    if (done.failed) return drop();
    if (done.bytes == 0) {
      if (std::exchange(waiting_writable_, true)) break;
      socket_.wait_writable([self = self()](const boost::system::error_code& failed) {
        self->waiting_writable_ = false;
        if (failed != boost::asio::error::operation_aborted) self->write();
      });
      break;
    }
    out.sent(done.bytes);
    if (stream_) {
      deadline_ = context_->now() + context_->options.stalled_stream_timeout;
      context_->figures.sent_bytes.Increment(static_cast<double>(done.bytes));
    }
  }
  if (stream_) return streamed();
  if (out.empty()) answered();
}

void http_session::answered() {
  out_.release();
  hold_answer(0);
  if (!keep_alive_) {
    // Closing with bytes unread makes the system reset the connection, and the client may lose the
    // answer.
    phase_ = phase::lingering;
    deadline_ = context_->now() + context_->options.closing_timeout;
    input_ = {};
    reader_.reset();
    hold(0);
    socket_.finish_writing();
    return wait_readable();
  }
  phase_ = phase::reading;
  deadline_ = context_->now() + context_->options.keep_alive_timeout;
  // Not from here: pipelined requests must not nest.
  boost::asio::post(socket_.executor(), [self = self()] { self->parse(); });
}

}  // namespace pulse::server
