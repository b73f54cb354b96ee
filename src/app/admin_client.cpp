#include "app/admin_client.hpp"

#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace pulse::app {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

namespace {

struct host_and_port {
  std::string host;
  std::string port;
};

result<host_and_port> split(const std::string& url) {
  constexpr std::string_view scheme = "http://";
  auto rest = std::string_view(url);
  if (!rest.starts_with(scheme)) {
    return error{errc::invalid_argument, "PULSE_URL is '" + url + "'",
                 "write it as http://127.0.0.1:4001"};
  }
  rest.remove_prefix(scheme.size());
  rest = rest.substr(0, rest.find('/'));
  host_and_port found{std::string(rest), "80"};
  // A colon within brackets belongs to an IPv6 address.
  if (const auto colon = rest.rfind(':');
      colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos) {
    found = {std::string(rest.substr(0, colon)), std::string(rest.substr(colon + 1))};
  }
  if (found.host.starts_with('[') && found.host.ends_with(']'))
    found.host = found.host.substr(1, found.host.size() - 2);
  return found;
}

using response = http::response<http::string_body>;

// One exchange within `patience`: a server that hangs must not hang the command.
boost::system::error_code exchange(const host_and_port& where,
                                   const http::request<http::string_body>& request,
                                   response& answer) {
  constexpr std::chrono::seconds patience{30};
  asio::io_context context(1);
  boost::system::error_code failed;
  asio::ip::tcp::resolver resolver(context);
  const auto found = resolver.resolve(where.host, where.port, failed);
  if (failed) return failed;
  boost::beast::tcp_stream stream(context);
  boost::beast::flat_buffer buffer;
  stream.expires_after(patience);
  const auto read = [&](const boost::system::error_code& written, std::size_t /*bytes*/) {
    failed = written;
    if (failed) return;
    http::async_read(
        stream, buffer, answer,
        [&](const boost::system::error_code& ended, std::size_t /*bytes*/) { failed = ended; });
  };
  stream.async_connect(found, [&](const boost::system::error_code& connected, const auto&) {
    failed = connected;
    if (!failed) http::async_write(stream, request, read);
  });
  context.run();
  return failed;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

result<json::object> call_admin(const admin_access& access, const std::string& method,
                                const std::string& path, const std::string& body) {
  const auto where = split(access.url);
  if (!where) return where.error();
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(path);
  request.version(11);
  request.set(http::field::host, where->host);
  request.set(http::field::authorization, "Bearer " + access.token);
  request.body() = body;
  request.prepare_payload();
  response received;
  if (const auto failed = exchange(*where, request, received)) {
    return error{errc::unavailable,
                 fmt::format("no server answers at {}: {}", access.url, failed.message()),
                 "start `pulse serve`, or set PULSE_URL to its admin address"};
  }

  json::error_code malformed;
  auto parsed = json::parse(received.body(), malformed);
  if (malformed || !parsed.is_object()) {
    return error{errc::protocol,
                 fmt::format("{} answered {} without JSON", access.url, received.result_int()),
                 "check that PULSE_URL is the admin address"};
  }
  auto answer = std::move(parsed.get_object());
  if (received.result_int() < 300) return answer;
  const auto text = [&](const char* name) {
    const auto* value = answer.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
  };
  return error{received.result_int() == 401 ? errc::unauthorized : errc::conflict,
               fmt::format("the server refused ({} {}): {}", received.result_int(), text("code"),
                           text("message")),
               {}};
}

}  // namespace pulse::app
