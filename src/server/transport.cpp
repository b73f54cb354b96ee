#include "server/transport.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

namespace pulse::server {

using boost::asio::ip::tcp;
using boost::system::error_code;

transport::transport(tcp::socket socket) : socket_(std::move(socket)) {
  // A connection that is broken already says so at the first read.
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
}

transport::outcome transport::read_some(std::span<char> into) {
  outcome done;
  error_code failed;
  done.bytes = socket_.read_some(boost::asio::buffer(into.data(), into.size()), failed);
  done.ended = failed == boost::asio::error::eof;
  if (failed && !done.ended && failed != boost::asio::error::would_block) done.failed = failed;
  return done;
}

transport::outcome transport::write_some(std::string_view bytes) {
  outcome done;
  error_code failed;
  done.bytes = socket_.write_some(boost::asio::buffer(bytes.data(), bytes.size()), failed);
  if (failed && failed != boost::asio::error::would_block) done.failed = failed;
  return done;
}

bool transport::peer_has_gone() {
  char probe = 0;
  error_code failed;
  socket_.receive(boost::asio::buffer(&probe, 1), tcp::socket::message_peek, failed);
  return failed && failed != boost::asio::error::would_block;
}

void transport::finish_writing() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void transport::close() {
  error_code ignored;
  socket_.close(ignored);
}

std::string transport::peer() const {
  error_code failed;
  const auto endpoint = socket_.remote_endpoint(failed);
  if (failed) return "unknown";
  return endpoint.address().to_string() + ':' + std::to_string(endpoint.port());
}

}  // namespace pulse::server
