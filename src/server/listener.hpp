// Accepts connections on one address.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/context.hpp"
#include "server/listening_socket.hpp"

namespace pulse::server {

// All on the delivery thread.
class listener : public std::enable_shared_from_this<listener> {
 public:
  // Binds and listens, or takes `socket`, which does so already. errc::invalid_argument: no
  // address; errc::conflict: it is taken; errc::unauthorized: the system does not allow it; the
  // error names the address. With port 0, bound() says which port it became.
  static result<std::shared_ptr<listener>> open(const boost::asio::any_io_executor& executor,
                                                std::shared_ptr<server_context> context,
                                                const listen_address& address,
                                                listening_socket socket, surface where);

  listener(const boost::asio::any_io_executor& executor, std::shared_ptr<server_context> context,
           surface where);

  void start();
  void stop();
  // Stops, and leaves the socket open: who connects waits for whoever accepts next.
  listening_socket release();
  listen_address bound() const;

 private:
  result<void> bind(const listen_address& address);
  result<void> adopt(listening_socket socket);
  void accept();
  void accept_waiting();
  std::size_t connections_max() const;
  void accepted(boost::asio::ip::tcp::socket socket);
  std::size_t open_here() const;
  bool make_room();
  void say_full(std::size_t most);
  void say_crowding(const std::string& network);
  void pause();

  boost::asio::any_io_executor executor_;
  std::shared_ptr<server_context> context_;
  surface where_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  bool pausing_said_ = false;
  std::optional<std::chrono::steady_clock::time_point> crowding_said_at_;
  std::optional<std::chrono::steady_clock::time_point> full_said_at_;
};

}  // namespace pulse::server
