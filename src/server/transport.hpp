// A connected socket without blocking: the seam at which encryption goes in.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

namespace pulse::server {

// One owner; everything on the delivery thread. A session reads into memory that all sessions share
// and keeps only what is unfinished, which is why this waits for readiness instead of handing
// buffers to the kernel.
class transport {
 public:
  // Takes an accepted socket and sets TCP_NODELAY, keepalive and non-blocking mode.
  explicit transport(boost::asio::ip::tcp::socket socket);

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
    socket_.async_wait(boost::asio::ip::tcp::socket::wait_read, std::move(handler));
  }
  template <class Handler>
  void wait_writable(Handler handler) {
    socket_.async_wait(boost::asio::ip::tcp::socket::wait_write, std::move(handler));
  }

  // The peer has closed its side, or the connection is broken. Reads nothing.
  bool peer_has_gone();
  // No more will be written: the peer sees the end once it has read everything.
  void finish_writing();
  void close();
  bool is_open() const { return socket_.is_open(); }
  boost::asio::ip::tcp::socket::executor_type executor() { return socket_.get_executor(); }
  // "address:port" of the other side, for logs.
  std::string peer() const;

 private:
  boost::asio::ip::tcp::socket socket_;
};

}  // namespace pulse::server
