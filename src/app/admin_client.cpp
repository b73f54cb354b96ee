#include "app/admin_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
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
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) return host_and_port{std::string(rest), "80"};
  return host_and_port{std::string(rest.substr(0, colon)), std::string(rest.substr(colon + 1))};
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
  asio::io_context context(1);
  asio::ip::tcp::resolver resolver(context);
  asio::ip::tcp::socket socket(context);
  boost::system::error_code failed;
  const auto found = resolver.resolve(where->host, where->port, failed);
  if (!failed) asio::connect(socket, found, failed);
  if (failed) {
    return error{errc::unavailable,
                 fmt::format("no server answers at {}: {}", access.url, failed.message()),
                 "start `pulse serve`, or set PULSE_URL to its admin address"};
  }
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(path);
  request.version(11);
  request.set(http::field::host, where->host);
  request.set(http::field::authorization, "Bearer " + access.token);
  request.body() = body;
  request.prepare_payload();
  http::write(socket, request, failed);
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> response;
  if (!failed) http::read(socket, buffer, response, failed);
  if (failed)
    return error{errc::unavailable, fmt::format("{}: {}", access.url, failed.message()),
                 "try again"};

  json::error_code malformed;
  auto parsed = json::parse(response.body(), malformed);
  if (malformed || !parsed.is_object()) {
    return error{errc::protocol,
                 fmt::format("{} answered {} without JSON", access.url, response.result_int()),
                 "check that PULSE_URL is the admin address"};
  }
  auto answer = std::move(parsed.get_object());
  if (response.result_int() < 300) return answer;
  const auto text = [&](const char* name) {
    const auto* value = answer.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
  };
  return error{response.result_int() == 401 ? errc::unauthorized : errc::conflict,
               fmt::format("the server refused ({} {}): {}", response.result_int(), text("code"),
                           text("message")),
               {}};
}

}  // namespace pulse::app
