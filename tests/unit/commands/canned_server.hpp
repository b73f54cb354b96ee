// A server on loopback that answers each connection with the next of the answers that it was given.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace pulse::commands {

class canned_server {
 public:
  explicit canned_server(std::vector<std::string> answers)
      : acceptor_(context_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
        thread_([this, answers = std::move(answers)] { serve(answers); }) {}
  ~canned_server() {
    if (thread_.joinable()) thread_.join();
  }
  canned_server(const canned_server&) = delete;
  canned_server& operator=(const canned_server&) = delete;

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  // What was asked, once all has been answered: heads and, as far as they came with them, bodies.
  const std::vector<std::string>& requests() {
    if (thread_.joinable()) thread_.join();
    return requests_;
  }

 private:
  void serve(const std::vector<std::string>& answers) {
    for (const auto& answer : answers) {
      boost::asio::ip::tcp::socket socket(context_);
      boost::system::error_code failed;
      acceptor_.accept(socket, failed);
      std::string head;
      boost::asio::read_until(socket, boost::asio::dynamic_buffer(head), "\r\n\r\n", failed);
      requests_.push_back(head);
      boost::asio::write(socket, boost::asio::buffer(answer), failed);
      // Closing on what has not been read would reset the connection under the answer.
      socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send, failed);
      std::string rest;
      boost::asio::read(socket, boost::asio::dynamic_buffer(rest), failed);
    }
  }

  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = acceptor_.local_endpoint().port();
  std::vector<std::string> requests_;
  std::thread thread_;
};

inline std::string http_answer(const std::string& status, const std::string& body) {
  return fmt::format("HTTP/1.1 {}\r\ncontent-length: {}\r\n\r\n{}", status, body.size(), body);
}

}  // namespace pulse::commands
