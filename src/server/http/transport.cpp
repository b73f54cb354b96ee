#include "server/http/transport.hpp"

#include <cerrno>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace pulse::server {

using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

// Why OpenSSL's last call on a connection failed for good.
error_code tls_failure(int kind) {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code != 0) return {static_cast<int>(code), boost::asio::error::get_ssl_category()};
  if (kind == SSL_ERROR_SYSCALL && errno != 0) return {errno, boost::system::system_category()};
  return boost::asio::error::connection_reset;
}

}  // namespace

transport::transport(tcp::socket socket, const tls_context* tls) : socket_(std::move(socket)) {
  // A connection that is broken already says so at the first read.
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
  if (tls == nullptr) return;
  ssl_ = tls->accept(socket_.native_handle());
  // Never unencrypted where encryption was asked for.
  if (!ssl_) socket_.close(ignored);
}

transport::outcome transport::read_some(std::span<char> into) {
  if (ssl_) return read_decrypted(into);
  outcome done;
  error_code failed;
  done.bytes = socket_.read_some(boost::asio::buffer(into.data(), into.size()), failed);
  done.ended = failed == boost::asio::error::eof;
  if (failed && !done.ended && failed != boost::asio::error::would_block) done.failed = failed;
  return done;
}

// Until the buffer is full or the socket has no more: what OpenSSL has decrypted already would not
// show as readable.
transport::outcome transport::read_decrypted(std::span<char> into) {
  outcome done;
  if (deferred_) return *deferred_;
  read_wants_write_ = false;
  while (done.bytes < into.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const int read =
        SSL_read_ex(ssl_.get(), into.data() + done.bytes, into.size() - done.bytes, &got);
    done.bytes += got;
    if (read == 1) continue;
    const int kind = SSL_get_error(ssl_.get(), read);
    read_wants_write_ = kind == SSL_ERROR_WANT_WRITE;
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) break;
    outcome over;
    over.ended = kind == SSL_ERROR_ZERO_RETURN;
    spoke_plain_http_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    if (!over.ended) over.failed = tls_failure(kind);
    deferred_ = over;
    return done.bytes != 0 ? done : over;
  }
  return done;
}

transport::outcome transport::write_some(std::string_view bytes) {
  if (ssl_) return write_encrypted(bytes);
  outcome done;
  error_code failed;
  done.bytes = socket_.write_some(boost::asio::buffer(bytes.data(), bytes.size()), failed);
  if (failed && failed != boost::asio::error::would_block) done.failed = failed;
  return done;
}

transport::outcome transport::write_encrypted(std::string_view bytes) {
  outcome done;
  if (bytes.empty()) return done;
  ERR_clear_error();
  errno = 0;
  write_wants_read_ = false;
  const int written = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &done.bytes);
  if (written == 1) return done;
  const int kind = SSL_get_error(ssl_.get(), written);
  write_wants_read_ = kind == SSL_ERROR_WANT_READ;
  if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) done.failed = tls_failure(kind);
  return done;
}

bool transport::has_decrypted() const {
  return ssl_ && (deferred_ || SSL_pending(ssl_.get()) > 0);
}

bool transport::fall_back_to_plain_http() {
  if (!spoke_plain_http_) return false;
  ssl_.reset();
  return true;
}

bool transport::peer_has_gone() {
  char probe = 0;
  error_code failed;
  socket_.receive(boost::asio::buffer(&probe, 1), tcp::socket::message_peek, failed);
  return failed && failed != boost::asio::error::would_block;
}

void transport::finish_writing() {
  if (ssl_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void transport::close() {
  if (ssl_ && socket_.is_open() && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  error_code ignored;
  socket_.close(ignored);
}

std::string transport::peer() const {
  error_code failed;
  const auto endpoint = socket_.remote_endpoint(failed);
  if (failed) return "unknown";
  return endpoint.address().to_string() + ':' + std::to_string(endpoint.port());
}

boost::asio::ip::address transport::peer_address() const {
  error_code failed;
  return socket_.remote_endpoint(failed).address();
}

bool transport::peer_is_local() const {
  return peer_address().is_loopback();
}

}  // namespace pulse::server
