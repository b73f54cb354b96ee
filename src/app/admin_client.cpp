#include "app/admin_client.hpp"

#include <chrono>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "app/admin_connection.hpp"

namespace pulse::app {

namespace http = boost::beast::http;
namespace json = boost::json;

namespace {

using response = http::response<http::string_body>;

// One exchange within `patience`: a server that hangs must not hang the command.
template <class Stream>
void exchange(Stream& stream, const boost::asio::ip::tcp::resolver::results_type& found,
              const http::request<http::string_body>& request, boost::beast::flat_buffer& buffer,
              response& answer, boost::system::error_code& failed) {
  constexpr std::chrono::seconds patience{30};
  boost::beast::get_lowest_layer(stream).expires_after(patience);
  async_open(stream, found, [&](const boost::system::error_code& opened) {
    failed = opened;
    if (failed) return;
    http::async_write(stream, request,
                      [&](const boost::system::error_code& written, std::size_t /*bytes*/) {
                        failed = written;
                        if (failed) return;
                        http::async_read(stream, buffer, answer,
                                         [&](const boost::system::error_code& ended,
                                             std::size_t /*bytes*/) { failed = ended; });
                      });
  });
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
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(path);
  request.version(11);
  request.set(http::field::authorization, "Bearer " + access.token);
  request.body() = body;
  request.prepare_payload();
  response received;
  boost::beast::flat_buffer buffer;
  boost::system::error_code failed;
  const auto run = with_stream(access, [&](auto& stream, const auto& found, const auto& where) {
    request.set(http::field::host, where.host);
    exchange(stream, found, request, buffer, received, failed);
  });
  if (!run) return run.error();
  if (failed) return nobody_answers(access, failed);

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
  const bool unauthorized = received.result_int() == 401;
  return error{unauthorized ? errc::unauthorized : errc::conflict,
               fmt::format("{} refused ({} {}): {}", access.url, received.result_int(),
                           text("code"), text("message")),
               unauthorized
                   ? "check PULSE_URL, and PULSE_ADMIN_TOKEN or --data-dir: is it this server's?"
                   : ""};
}

}  // namespace pulse::app
