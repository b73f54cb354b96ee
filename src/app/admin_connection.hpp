// A connection of the command line to a server's admin address, encrypted or not.
#pragma once

#include <chrono>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "app/admin_client.hpp"
#include "base/error.hpp"

namespace pulse::app {

struct server_url {
  bool encrypted = false;
  std::string host;
  std::string port;
};

// errc::invalid_argument: neither http:// nor https://.
result<server_url> parse_server_url(const std::string& url);

// Checks the server's certificate, and that it is for this host. errc::invalid_argument: the CA
// file cannot be used.
result<boost::asio::ssl::context> make_tls_client(const admin_access& access,
                                                  const std::string& host);

// What is said when nobody answers.
error nobody_answers(const admin_access& access, const boost::system::error_code& why);

using plain_stream = boost::beast::tcp_stream;
using encrypted_stream = boost::asio::ssl::stream<boost::beast::tcp_stream>;

// Connects, with the TLS handshake where there is one; `then` gets the outcome. Callbacks, since
// the two kinds of stream differ in type only.
template <class Then>
void async_open(plain_stream& stream, const boost::asio::ip::tcp::resolver::results_type& found,
                const Then& then) {
  stream.async_connect(
      found, [then](const boost::system::error_code& connected, const auto&) { then(connected); });
}
template <class Then>
void async_open(encrypted_stream& stream, const boost::asio::ip::tcp::resolver::results_type& found,
                const Then& then) {
  stream.next_layer().async_connect(
      found, [&stream, then](const boost::system::error_code& connected, const auto&) {
        if (connected) return then(connected);
        stream.async_handshake(boost::asio::ssl::stream_base::client, then);
      });
}

// Calls `use` with a stream that is not connected yet; TLS as the URL says. Blocks until all that
// it has started is over.
template <class Use>
result<void> with_stream(const admin_access& access, Use use) {
  const auto where = parse_server_url(access.url);
  if (!where) return where.error();
  boost::asio::io_context context(1);
  boost::system::error_code failed;
  boost::asio::ip::tcp::resolver resolver(context);
  const auto found = resolver.resolve(where->host, where->port, failed);
  if (failed) return nobody_answers(access, failed);
  if (!where->encrypted) {
    plain_stream stream(context);
    use(stream, found, *where);
    context.run();
    return {};
  }
  auto tls = make_tls_client(access, where->host);
  if (!tls) return tls.error();
  encrypted_stream stream(context, *tls);
  SSL_set_tlsext_host_name(stream.native_handle(), where->host.c_str());
  use(stream, found, *where);
  context.run();
  return {};
}

}  // namespace pulse::app
