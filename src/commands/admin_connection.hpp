// A connection of the command line to a server's admin address, encrypted or not.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/system/error_code.hpp>

#include "base/error.hpp"
#include "commands/admin_client.hpp"

namespace pulse::commands {

struct server_url {
  bool encrypted = false;
  std::string host;
  std::string port;
};

// errc::invalid_argument: neither http:// nor https://.
result<server_url> parse_server_url(const std::string& url);

// Returns what is reported when nobody answers.
error nobody_answers(const admin_access& access, const boost::system::error_code& why);

// Bytes in both directions; every call blocks. One owner, one thread. Sockets and TLS stay in the
// .cpp file: their templates take long to compile.
class admin_connection {
 public:
  // Connects, with TLS if the URL asks for it, and checks that the server's certificate is for its
  // host. Everything on the connection must finish within 30 s, unless set_deadline() sets another
  // limit: a hanging server must not hang the command. errc::invalid_argument: the URL or the CA
  // file is wrong; errc::unavailable: nobody answers.
  static result<admin_connection> open(const admin_access& access);
  ~admin_connection();
  admin_connection(admin_connection&&) noexcept;
  admin_connection& operator=(admin_connection&&) = delete;

  const std::string& host() const;

  boost::system::error_code write(std::string_view bytes);
  // Waits for bytes and appends them. boost::asio::error::eof: the server has ended the connection.
  boost::system::error_code read(std::string& to);

  // From now on; none: waits without limit. What is late fails with boost::asio::error::timed_out.
  void set_deadline(std::optional<std::chrono::seconds> from_now);

 private:
  struct sockets;
  explicit admin_connection(std::unique_ptr<sockets> open);
  std::unique_ptr<sockets> sockets_;
};

}  // namespace pulse::commands
