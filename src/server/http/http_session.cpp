#include "server/http/http_session.hpp"

#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "base/logging.hpp"
#include "server/admin/admin_api.hpp"
#include "server/http/hosts.hpp"
#include "server/secret.hpp"
#include "server/websocket/websocket_handshake.hpp"

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

std::shared_ptr<http_session> http_session::self() {
  return std::static_pointer_cast<http_session>(shared_from_this());
}

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

void http_session::drop() {
  if (phase_ == phase::closed) return;
  const auto alive = self();
  phase_ = phase::closed;
  leave();
  socket_.close();
}

void http_session::tick(std::chrono::steady_clock::time_point now) {
  if (phase_ == phase::closed || now < deadline_) return;
  switch (phase_) {
    case phase::reading:
      if (input_.empty() && !reader_) return drop();
      return refuse({408, pulse_code::server_error, "the request did not arrive in time"});
    case phase::answering:
      return refuse(
          {503, pulse_code::server_error,
           "Pulse could not answer in time, because PostgreSQL or a disk does not respond",
           "try again; /capturez on the admin address shows the state of capture"});
    case phase::writing:
    case phase::lingering:
    case phase::closed:
      return drop();
  }
}

// A connection that has asked nothing yet was made to ask: its request is on its way.
bool http_session::busy(std::chrono::steady_clock::time_point /*now*/) const {
  switch (phase_) {
    case phase::reading:
      return requests_ == 0 || !input_.empty();
    case phase::answering:
    case phase::writing:
      return true;
    case phase::lingering:
    case phase::closed:
      return false;
  }
  return false;
}

void http_session::shut_down() {
  keep_alive_ = false;
  if (phase_ == phase::reading || phase_ == phase::lingering) drop();
}

void http_session::abort() {
  drop();
}

void http_session::wait_readable() {
  socket_.wait_readable([self = self()](const boost::system::error_code& failed) {
    if (failed != boost::asio::error::operation_aborted) self->read();
  });
}

void http_session::read() {
  if (phase_ != phase::reading && phase_ != phase::lingering) return;
  auto& scratch = context_->scratch;
  const auto got = socket_.read_some(scratch);
  if (got.failed && socket_.is_encrypted()) return tls_failed(got.failed);
  if (got.failed || got.ended) return drop();
  if (phase_ == phase::lingering) return wait_readable();
  input_.append(scratch.data(), got.bytes);
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
    const auto request = std::exchange(reader_, nullptr)->take();
    if (input_.empty()) input_ = {};
    hold(input_.capacity());
    return handle(request);
  }
  // One that does not fit into the socket's empty buffer would be no small answer.
  if (reader_->wants_continue() && socket_.write_some(continue_answer).failed) return drop();
  if (context_->request_bytes > context_->options.request_bytes_max) {
    return refuse({503, pulse_code::server_error,
                   "Pulse is receiving too many large requests at once", "try again"});
  }
  wait_readable();
}

void http_session::handle(const http_request& request) {
  phase_ = phase::answering;
  count_as_stranger(false);
  ++requests_;
  deadline_ = context_->now() + context_->options.answer_timeout;
  request_id_ = context_->next_request_id();
  keep_alive_ = request.keep_alive && !context_->stopping;
  head_ = request.method == "HEAD";
  const auto path = request.path();
  if (const auto bad = check_name(request)) return refuse(*bad);
  if (const auto wait = check_attempts(request)) return refuse(*wait);
  const auto open_as = [this](requests::stream_mode mode) {
    return [this, mode](const http_request& asked, std::function<void(opening_result)> done) {
      open_stream(context_, asked, mode, request_id_, std::move(done));
    };
  };
  if (where_ == surface::streams && path == "/stream")
    return open(request, open_as(requests::stream_mode::stream));
  if (where_ == surface::streams && path == "/subscribe")
    return open(request, open_as(requests::stream_mode::subscribe));
  if (where_ == surface::admin && is_tail(path)) {
    return open(request,
                [this](const http_request& asked, std::function<void(opening_result)> done) {
                  open_tail(context_, asked, request_id_, std::move(done));
                });
  }
  route(context_, where_, request, request_id_,
        [self = self(), id = request_id_](const http_response& response) {
          // Too late when the deadline has answered already.
          if (self->phase_ == phase::answering && self->request_id_ == id) self->answer(response);
        });
}

std::optional<refusal> http_session::check_name(const http_request& request) const {
  if (auto bad = check_host(request)) return bad;
  const bool for_all = where_ == surface::streams || request.path() == "/healthz";
  const auto host = request.header("host");
  if (for_all || host.empty() || is_allowed_host(host, context_->options.admin_hosts))
    return std::nullopt;
  return refusal{421, pulse_code::server_error, "the admin address does not accept this host name",
                 "use its IP address, or add the name to the setting `admin_hosts`"};
}

// Each of the two addresses has its own count: a wrong API key locks no operator out.
std::string http_session::attempts_of() const {
  return (where_ == surface::admin ? "admin " : "streams ") + origin_;
}

// An address that was wrong too often has to wait, unless its key is right. Who shows no key was
// not wrong: a page of the web can have a browser ask here, but without one.
std::optional<refusal> http_session::check_attempts(const http_request& request) {
  const auto path = request.path();
  wants_key_ = where_ == surface::streams ? path == "/stream" || path == "/subscribe"
                                          : path.starts_with("/v1/");
  presents_key_ = false;
  const auto key = wants_key_ ? bearer_token(request.header("authorization")) : std::nullopt;
  if (!key) return std::nullopt;
  presents_key_ = true;
  const auto wait = context_->key_failures.wait_for(
      attempts_of(), context_->options.failed_keys_per_minute, context_->now());
  if (!wait) return std::nullopt;
  const bool right = where_ == surface::streams ? context_->registry->authenticate(*key).has_value()
                                                : !check_admin_token(*context_, request);
  if (right) return std::nullopt;
  context_->figures.refused_key_attempts.Increment();
  return refusal{429, pulse_code::unauthorized,
                 "too many wrong keys have come from your address lately",
                 "correct the key, and try again when retry-after has passed", *wait};
}

void http_session::open(const http_request& request, const opener& begin) {
  // A refused client connects anew for its next try.
  keep_alive_ = false;
  if (const auto bad = check_upgrade(request)) return refuse(*bad);
  const auto extensions = agree_on_extensions(request);
  compresses_ = !extensions.empty();
  begin(request, [self = self(), handshake = accept_upgrade(request, request_id_, extensions)](
                     const opening_result& outcome) { self->became_stream(outcome, handshake); });
}

std::string_view http_session::agree_on_extensions(const http_request& request) const {
  const auto policy = context_->options.compression;
  if (policy == compression_policy::off ||
      (policy == compression_policy::automatic && socket_.peer_is_local())) {
    return {};
  }
  return answer_to_offer(request.header("sec-websocket-extensions"));
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
    return refuse({503, pulse_code::server_error, "Pulse is shutting down", "connect again"});
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
  if (wants_key_ && response.status == 401) {
    context_->figures.refused_keys.Increment();
    if (presents_key_) {
      context_->key_failures.refused(attempts_of(), context_->options.failed_keys_per_minute,
                                     context_->now());
    }
  }
  phase_ = phase::writing;
  count_as_stranger(true);
  deadline_ = context_->now() + context_->options.request_timeout;
  out_.tail().append(serialize(response, request_id_, keep_alive_, head_));
  write();
}

void http_session::write() {
  if (phase_ != phase::writing) return;
  while (!out_.empty()) {
    const auto done = socket_.write_some(out_.unsent());
    if (done.failed) return drop();
    if (done.bytes == 0) {
      socket_.wait_writable([self = self()](const boost::system::error_code& failed) {
        if (failed != boost::asio::error::operation_aborted) self->write();
      });
      return;
    }
    out_.sent(done.bytes);
  }
  answered();
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
