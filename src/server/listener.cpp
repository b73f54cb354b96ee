#include "server/listener.hpp"

#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include "base/logging.hpp"
#include "server/http/http_session.hpp"
#include "server/port_holder.hpp"

namespace pulse::server {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// Connections above a limit that are told so; those above these are closed without a word.
constexpr std::size_t refusals_at_once_max = 64;
// Accepted in one go, before others have their turn: with one at a time, a turn that takes long is
// what a flood of strangers needs to fill the kernel's queue, and whoever comes then waits for
// seconds until TCP tries again.
constexpr int accepted_at_once_max = 64;
constexpr std::chrono::milliseconds pause_after_failure{100};
constexpr std::chrono::minutes crowding_said_again_after{1};

error listen_error(const listen_address& address, const error_code& failed) {
  const auto where = "cannot listen on " + to_string(address) + ": ";
  if (failed == boost::asio::error::address_in_use) {
    return {errc::conflict,
            where + port_holder(address.port).value_or("another process") + " uses this port",
            "stop it, or choose another address or port"};
  }
  if (failed == boost::asio::error::access_denied) {
    return {errc::unauthorized, where + failed.message(), "choose a port of 1024 or above"};
  }
  if (failed == boost::system::errc::address_not_available) {
    return {errc::invalid_argument, where + "this machine does not have this address",
            "use one of its own addresses, or 0.0.0.0 for all"};
  }
  return {errc::io, where + failed.message()};
}

}  // namespace

result<std::shared_ptr<listener>> listener::open(const boost::asio::any_io_executor& executor,
                                                 std::shared_ptr<server_context> context,
                                                 const listen_address& address,
                                                 listening_socket socket, surface where) {
  auto made = std::make_shared<listener>(executor, std::move(context), where);
  const auto ready = socket.is_open() ? made->adopt(std::move(socket)) : made->bind(address);
  if (!ready) return ready.error();
  return made;
}

listener::listener(const boost::asio::any_io_executor& executor,
                   std::shared_ptr<server_context> context, surface where)
    : executor_(executor),
      context_(std::move(context)),
      where_(where),
      acceptor_(executor),
      pause_(executor) {}

result<void> listener::bind(const listen_address& address) {
  error_code failed;
  const auto ip = boost::asio::ip::make_address(address.address, failed);
  if (failed) {
    return error{errc::invalid_argument,
                 "cannot listen on '" + address.address + "': this is no IPv4 or IPv6 address",
                 "write it like 127.0.0.1:7857 or [::1]:7857"};
  }
  const tcp::endpoint endpoint(ip, address.port);
  acceptor_.open(endpoint.protocol(), failed);
  if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor_.bind(endpoint, failed);
  if (!failed) acceptor_.listen(tcp::acceptor::max_listen_connections, failed);
  if (failed) return listen_error(address, failed);
  return {};
}

result<void> listener::adopt(listening_socket socket) {
  error_code failed;
  const auto is_v6 = socket.bound().address.find(':') != std::string::npos;
  acceptor_.assign(is_v6 ? tcp::v6() : tcp::v4(), socket.get(), failed);
  if (failed)
    return error{errc::io, "taking over the socket of " + to_string(socket.bound()) + ": " +
                               failed.message()};
  static_cast<void>(socket.release());
  return {};
}

listen_address listener::bound() const {
  error_code ignored;
  const auto endpoint = acceptor_.local_endpoint(ignored);
  return {endpoint.address().to_string(), endpoint.port()};
}

void listener::start() {
  error_code ignored;
  acceptor_.non_blocking(true, ignored);
  // Without this, Asio waits for the next connection where one has gone before it was accepted.
  acceptor_.set_option(boost::asio::socket_base::enable_connection_aborted(true), ignored);
  accept();
}

void listener::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

listening_socket listener::release() {
  const auto where = bound();
  pause_.cancel();
  error_code failed;
  const int descriptor = acceptor_.release(failed);
  return failed ? listening_socket() : listening_socket(descriptor, where);
}

void listener::accept() {
  acceptor_.async_accept(
      executor_, [self = shared_from_this()](const error_code& failed, tcp::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (failed == boost::asio::error::operation_aborted) return;
        if (failed) {
          self->context_->figures.accept_failures.Increment();
          // Out of file descriptors: an idle connection gives its own away.
          if (self->make_room()) return self->accept();
          if (!std::exchange(self->pausing_said_, true)) {
            log_error("server", "accepting connections failed: trying again",
                      {{"address", to_string(self->bound())}, {"reason", failed.message()}});
          }
          return self->pause();
        }
        self->pausing_said_ = false;
        self->accepted(std::move(socket));
        self->accept_waiting();
        self->accept();
      });
}

void listener::accept_waiting() {
  if (!acceptor_.non_blocking()) return;
  for (int more = 1; more < accepted_at_once_max; ++more) {
    // From here on each makes room for the next: one at a time, others in between.
    if (open_here() >= connections_max()) return;
    error_code none_or_failed;
    tcp::socket socket(executor_);
    acceptor_.accept(socket, none_or_failed);
    // A failure is met again by the next accept(), which handles it.
    if (none_or_failed) return;
    accepted(std::move(socket));
  }
}

// Nothing is idle that could be closed. The waiting connection stays in the queue, and trying at
// once would spin.
void listener::pause() {
  pause_.expires_after(pause_after_failure);
  pause_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled && self->acceptor_.is_open()) self->accept();
  });
}

std::size_t listener::open_here() const {
  const auto admin = context_->admin_connections;
  return where_ == surface::admin ? admin : context_->connections.size() - admin;
}

std::size_t listener::connections_max() const {
  const auto& options = context_->options;
  return where_ == surface::admin ? options.admin_connections_max : options.connections_max;
}

// Of the address with most connections that ask nothing, the longest idle one makes room for
// whoever comes: strangers, however many, keep nobody out who asks at once.
bool listener::make_room() {
  auto* idle = context_->strangers_of(where_).first_to_go();
  const auto other = where_ == surface::admin ? surface::streams : surface::admin;
  if (idle == nullptr) idle = context_->strangers_of(other).first_to_go();
  if (idle == nullptr) return false;
  if (idle->make_room()) context_->figures.idle_closed.Increment();
  return true;
}

void listener::accepted(tcp::socket socket) {
  const auto& options = context_->options;
  auto& figures = context_->figures;
  figures.accepted.Increment();
  auto session = transport(std::move(socket), context_->tls.get());
  const auto network = network_of(session.peer_address());
  const auto& idle = context_->strangers_of(where_);
  const auto from_there = idle.of(network);
  const auto most_from_there = options.connections_per_address_max;
  const bool crowding = most_from_there != 0 && from_there >= most_from_there;
  const auto most = connections_max();
  if (crowding) {
    figures.over_the_address_limit.Increment();
    say_crowding(network);
  } else if (open_here() >= most && idle.size() != 0) {
    say_full(most);
    make_room();
  }
  const auto open = open_here();
  const bool full = open >= most;
  if (full) figures.over_the_limit.Increment();
  if (open >= most + refusals_at_once_max) return;
  if (crowding && from_there >= most_from_there + refusals_at_once_max) return;
  const auto made = std::make_shared<http_session>(context_, std::move(session), where_, network);
  if (full) {
    made->start_refusing(
        {503, pulse_code::server_error,
         "Pulse has reached its limit of connections (" + std::to_string(most) + ")",
         "try again later, or raise the setting `connections`"});
  } else if (crowding) {
    made->start_refusing({429, pulse_code::server_error,
                          "your address has reached its limit of connections without a stream (" +
                              std::to_string(most_from_there) + ")",
                          "close some; behind a proxy, raise the setting `connections_per_address` "
                          "or set it to off"});
  } else {
    made->start();
  }
}

void listener::say_full(std::size_t most) {
  const auto now = context_->now();
  if (full_said_at_ && now < *full_said_at_ + crowding_said_again_after) return;
  full_said_at_ = now;
  log_warning("server",
              "connection limit reached: idle connections are closed in favour of new ones",
              {{"address", to_string(bound())}, {"limit", most}});
}

// Not for every one: whoever opens too many may go on for long.
void listener::say_crowding(const std::string& network) {
  const auto now = context_->now();
  if (crowding_said_at_ && now < *crowding_said_at_ + crowding_said_again_after) return;
  crowding_said_at_ = now;
  log_warning(
      "server",
      "connection limit of an address reached: more connections without a stream are refused",
      {{"address", network}, {"limit", context_->options.connections_per_address_max}});
}

}  // namespace pulse::server
