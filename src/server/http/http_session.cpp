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
// Of requests that come while an answer streams; what comes beyond waits in the kernel.
constexpr std::size_t pipelined_bytes_max = 4096;

}  // namespace

http_session::http_session(std::shared_ptr<server_context> context, transport socket, surface where,
                           std::string origin)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      where_(where),
      origin_(std::move(origin)) {}

void http_session::start() {
  enter();
  deadline_ = context_->now() + context_->options.request_timeout;
  wait_readable();
}

void http_session::start_refusing(const refusal& why) {
  enter();
  refuse(why);
}

void http_session::wait_readable() {
  if (std::exchange(waiting_readable_, true)) return;
  socket_.wait_readable([self = self()](const boost::system::error_code& failed) {
    self->waiting_readable_ = false;
    if (failed != boost::asio::error::operation_aborted) self->read();
  });
}

void http_session::read() {
  // While it answers or streams, only to notice that the client has gone.
  const bool awaited = phase_ == phase::answering && when_not_awaited_;
  const bool listens = awaited || phase_ == phase::streaming;
  if (phase_ != phase::reading && phase_ != phase::lingering && !listens) return;
  const auto scratch = listens ? std::span(context_->scratch).first(pipelined_bytes_max)
                               : std::span(context_->scratch);
  const auto got = socket_.read_some(scratch);
  if (got.failed && socket_.is_encrypted()) return tls_failed(got.failed);
  if (got.failed || got.ended) return drop();
  if (phase_ == phase::lingering) return wait_readable();
  input_.append(scratch.data(), got.bytes);
  if (listens) {
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
  hold(input_.capacity());
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
          [self = self(), waits](std::chrono::milliseconds longest,
                                 std::function<void(wait_end)> ended) {
            if (waits()) self->wait_to_answer(longest, std::move(ended));
          }};
}

void http_session::wait_to_answer(std::chrono::milliseconds longest,
                                  std::function<void(wait_end)> ended) {
  deadline_ += longest;
  when_not_awaited_ = std::move(ended);
  wait_readable();
  if (told_to_stop_) tell_not_awaited(wait_end::shutdown);
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

void http_session::refuse(const refusal& why) {
  keep_alive_ = false;
  if (request_id_.empty()) request_id_ = context_->next_request_id();
  answer(to_response(why, request_id_));
}

void http_session::answer(const http_response& response) {
  send_whole(serialize(response, request_id_, keep_alive_, head_));
}

void http_session::send_whole(std::string bytes) {
  when_not_awaited_ = nullptr;
  phase_ = phase::writing;
  count_as_stranger(true);
  deadline_ = context_->now() + context_->options.request_timeout;
  out_.tail() = std::move(bytes);
  write();
}

std::shared_ptr<http_stream> http_session::begin_stream(const http_response& begin,
                                                        std::shared_ptr<stream_producer> producer) {
  if (!http_1_1_) keep_alive_ = false;
  auto head = serialize_head(begin, request_id_, keep_alive_, http_1_1_);
  if (head_) {
    send_whole(std::move(head));
    return nullptr;
  }
  when_not_awaited_ = nullptr;
  phase_ = phase::streaming;
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

void http_session::answered() {
  out_.release();
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
