// A connected socket without blocking, encrypted or not: sessions do not know the difference.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include "server/http/tls.hpp"

namespace pulse::server {

// One owner; everything on the delivery thread. A session reads into memory that all sessions share
// and keeps only what is unfinished, which is why this waits for readiness instead of handing
// buffers to the kernel. The TLS handshake happens within the first reads.
class transport {
 public:
  // Takes an accepted socket and sets TCP_NODELAY, keepalive and non-blocking mode. Without `tls`
  // (null) nothing is encrypted.
  transport(boost::asio::ip::tcp::socket socket, const tls_context* tls);

  struct outcome {
    std::size_t bytes = 0;
    bool ended = false;                     // the peer sends no more
    boost::system::error_code failed = {};  // final; "would block" is zero bytes and no failure
  };
  outcome read_some(std::span<char> into);
  outcome write_some(std::string_view bytes);

  // Handlers are called once, with an error when the transport was closed meanwhile.
  template <class Handler>
  void wait_readable(Handler handler) {
    if (has_decrypted()) {
      boost::asio::post(socket_.get_executor(), [handler = std::move(handler)]() mutable {
        handler(boost::system::error_code());
      });
      return;
    }
    socket_.async_wait(read_wants_write_ ? boost::asio::ip::tcp::socket::wait_write
                                         : boost::asio::ip::tcp::socket::wait_read,
                       std::move(handler));
  }
  template <class Handler>
  void wait_writable(Handler handler) {
    socket_.async_wait(write_wants_read_ ? boost::asio::ip::tcp::socket::wait_read
                                         : boost::asio::ip::tcp::socket::wait_write,
                       std::move(handler));
  }

  // After a failed read: what came is HTTP without TLS, and this connection continues without it so
  // that the client can be told. False: it was something else.
  bool fall_back_to_plain_http();

  bool is_encrypted() const { return ssl_ != nullptr; }
  // The peer has closed its side, or the connection is broken. Reads nothing.
  bool peer_has_gone();
  // No more will be written: the peer sees the end once it has read everything.
  void finish_writing();
  void close();
  bool is_open() const { return socket_.is_open(); }
  boost::asio::ip::tcp::socket::executor_type executor() { return socket_.get_executor(); }
  // "address:port" of the other side, for logs.
  std::string peer() const;
  // The other side's address; unspecified when it has gone.
  boost::asio::ip::address peer_address() const;
  // Whether the other side is on this machine.
  bool peer_is_local() const;

 private:
  outcome read_decrypted(std::span<char> into);
  outcome write_encrypted(std::string_view bytes);
  bool has_decrypted() const;

  boost::asio::ip::tcp::socket socket_;
  tls_context::ssl_pointer ssl_;
  bool read_wants_write_ = false;
  // Of a TLS handshake that is not over: there is nothing to be written before the peer's part.
  bool write_wants_read_ = false;
  bool spoke_plain_http_ = false;
  std::optional<outcome> deferred_;  // how reading ended, after bytes that were to be taken first
};

}  // namespace pulse::server
