#include "server/http_message.hpp"

#include <limits>

#include <boost/algorithm/string/predicate.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

namespace pulse::server {

namespace http = boost::beast::http;

std::string_view http_request::header(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (boost::algorithm::iequals(field, name)) return value;
  }
  return {};
}

bool http_request::header_has_token(std::string_view name, std::string_view token) const {
  for (const auto& [field, value] : headers) {
    if (boost::algorithm::iequals(field, name) && http::token_list(value).exists(token))
      return true;
  }
  return false;
}

std::string_view http_request::path() const {
  auto path = std::string_view(target);
  path = path.substr(0, path.find('?'));
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string serialize(const http_response& answer, std::string_view request_id, bool keep_alive,
                      bool head) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
  text += std::string_view(http::obsolete_reason(http::int_to_status(answer.status)));
  text += "\r\ncontent-length: " + std::to_string(answer.body.size());
  if (!answer.body.empty()) text += "\r\ncontent-type: " + answer.content_type;
  text += "\r\nx-request-id: ";
  text += request_id;
  text += keep_alive ? "\r\nconnection: keep-alive" : "\r\nconnection: close";
  for (const auto& [name, value] : answer.headers) text += "\r\n" + name + ": " + value;
  text += "\r\n\r\n";
  if (!head) text += answer.body;
  return text;
}

http_response to_response(const refusal& why, std::string_view request_id) {
  http_response answer;
  answer.status = why.status;
  answer.body = error_body(why, request_id);
  if (why.status == 401) answer.headers.emplace_back("www-authenticate", "Bearer");
  if (why.status == 426) {
    answer.headers.emplace_back("upgrade", "websocket");
    answer.headers.emplace_back("sec-websocket-version", "13");
  }
  return answer;
}

struct http_request_reader::parser {
  http::request_parser<http::string_body> http;
};

http_request_reader::http_request_reader(http_limits limits)
    : limits_(limits), parser_(std::make_unique<parser>()) {
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  parser_->http.header_limit(static_cast<std::uint32_t>(std::min(limits.header_bytes_max, most)));
  parser_->http.body_limit(limits.body_bytes_max);
  parser_->http.eager(true);
}

http_request_reader::~http_request_reader() = default;

boost::system::result<http_request_reader::progress, refusal> http_request_reader::read(
    std::string& bytes) {
  auto& http = parser_->http;
  while (!http.is_done() && !bytes.empty()) {
    boost::system::error_code failed;
    const auto used = http.put(boost::asio::buffer(bytes), failed);
    bytes.erase(0, used);
    if (failed == http::error::need_more) {
      if (used == 0 || bytes.empty()) break;
      continue;
    }
    if (failed == http::error::header_limit) {
      return refusal{431, pulse_code::server_error,
                     "the request's headers are larger than " +
                         std::to_string(limits_.header_bytes_max) + " bytes",
                     "raise the server's header limit, or stream a model with fewer fields"};
    }
    if (failed == http::error::body_limit) {
      return refusal{
          413, pulse_code::server_error,
          "the request's body is larger than " + std::to_string(limits_.body_bytes_max) + " bytes"};
    }
    if (failed) {
      return refusal{400, pulse_code::server_error,
                     "the request is not valid HTTP/1.1: " + failed.message()};
    }
  }
  return http.is_done() ? progress::complete : progress::need_more;
}

http_request http_request_reader::take() {
  auto message = parser_->http.release();
  http_request request;
  request.method = std::string(std::string_view(message.method_string()));
  request.target = std::string(std::string_view(message.target()));
  request.keep_alive = message.keep_alive();
  request.http_1_1 = message.version() >= 11;
  for (const auto& field : message) {
    request.headers.emplace_back(std::string_view(field.name_string()),
                                 std::string_view(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

}  // namespace pulse::server
