#include "server/http/http_message.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <boost/algorithm/string/predicate.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>

#include "base/shown_numbers.hpp"

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

namespace {

std::string head_of(const http_response& answer, std::string_view body_framing, bool has_body,
                    std::string_view request_id, bool keep_alive) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
  text += std::string_view(http::obsolete_reason(http::int_to_status(answer.status)));
  text += body_framing;
  if (has_body) text += "\r\ncontent-type: " + answer.content_type;
  text += "\r\ncache-control: " + answer.cache_control;
  text += "\r\nx-request-id: ";
  text += request_id;
  text += keep_alive ? "\r\nconnection: keep-alive" : "\r\nconnection: close";
  for (const auto& [name, value] : answer.headers) {
    text += "\r\n";
    text += name;
    text += ": ";
    text += value;
  }
  text += "\r\n\r\n";
  return text;
}

}  // namespace

std::string serialize(const http_response& answer, std::string_view request_id, bool keep_alive,
                      bool head) {
  // RFC 9110, section 8.6: none in a 204.
  const auto length = answer.status == 204
                          ? std::string()
                          : "\r\ncontent-length: " + std::to_string(answer.body.size());
  auto text = head_of(answer, length, !answer.body.empty(), request_id, keep_alive);
  if (!head) text += answer.body;
  return text;
}

std::string serialize_head(const http_response& answer, std::string_view request_id,
                           bool keep_alive, bool chunked) {
  return head_of(answer, chunked ? "\r\ntransfer-encoding: chunked" : "", true, request_id,
                 keep_alive);
}

http_response to_response(const refusal& why, std::string_view request_id) {
  http_response answer;
  answer.status = why.status;
  answer.content_type = "application/problem+json";
  answer.body = error_body(why, request_id);
  if (!why.allow.empty()) answer.headers.emplace_back("allow", why.allow);
  if (why.status == 401) answer.headers.emplace_back("www-authenticate", "Bearer");
  if (why.retry_after.count() != 0)
    answer.headers.emplace_back("retry-after", std::to_string(why.retry_after.count()));
  if (why.status == 426) {
    answer.headers.emplace_back("upgrade", "websocket");
    answer.headers.emplace_back("sec-websocket-version", "13");
  }
  return answer;
}

// Beast's own container refuses fields above 64 KiB, which models of large tables exceed: this one
// takes what the limit lets through.
struct http_request_reader::parser final : http::basic_parser<true> {
  http_request request;
  bool too_many_fields = false;
  bool unknown_expectation = false;
  bool continue_wanted = false;

 private:
  using text = boost::beast::string_view;
  using code = boost::system::error_code;

  void on_request_impl(http::verb /*method*/, text method, text target, int version,
                       code& /*failed*/) override {
    request.method = method;
    request.target = target;
    request.http_1_1 = version >= 11;
  }
  void on_response_impl(int /*status*/, text /*reason*/, int /*version*/,
                        code& /*failed*/) override {}
  void on_field_impl(http::field /*known*/, text name, text value, code& failed) override {
    if (request.headers.size() == http_fields_max) {
      too_many_fields = true;
      failed = http::error::header_limit;
      return;
    }
    request.headers.emplace_back(name, value);
  }
  // The library's reading of chunks does not hold up against what strangers can send (an assertion
  // of 1.81 fails in it), and whoever asks something here knows how long it is.
  void on_header_impl(code& failed) override {
    if (!request.header("transfer-encoding").empty() || chunked()) {
      failed = http::error::bad_transfer_encoding;
      return;
    }
    const auto expected = request.header("expect");
    if (expected.empty() || !request.http_1_1) return;
    continue_wanted = boost::algorithm::iequals(expected, "100-continue");
    unknown_expectation = !continue_wanted;
    if (unknown_expectation) failed = http::error::bad_field;
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*size*/,
                         code& /*failed*/) override {}
  std::size_t on_body_impl(text bytes, code& /*failed*/) override {
    request.body += bytes;
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t /*size*/, text /*extensions*/,
                            code& /*failed*/) override {}
  std::size_t on_chunk_body_impl(std::uint64_t /*remaining*/, text /*bytes*/,
                                 code& /*failed*/) override {
    return 0;
  }
  void on_finish_impl(code& /*failed*/) override {}
};

http_request_reader::http_request_reader(http_limits limits)
    : limits_(limits), parser_(std::make_unique<parser>()) {
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  parser_->header_limit(static_cast<std::uint32_t>(std::min(limits.header_bytes_max, most)));
  parser_->body_limit(limits.body_bytes_max);
  parser_->eager(true);
}

http_request_reader::~http_request_reader() = default;

boost::system::result<http_request_reader::progress, refusal> http_request_reader::read(
    std::string& bytes) {
  auto& parsing = *parser_;
  while (!parsing.is_done() && !bytes.empty()) {
    boost::system::error_code failed;
    const auto used = parsing.put(boost::asio::buffer(bytes), failed);
    bytes.erase(0, used);
    if (failed == http::error::need_more) {
      if (used == 0 || bytes.empty()) break;
      continue;
    }
    if (failed && parsing.too_many_fields) {
      return refusal{
          431, pulse_code::server_error,
          "the request has more than " + std::to_string(http_fields_max) + " header fields"};
    }
    if (failed && parsing.unknown_expectation) {
      return refusal{417, pulse_code::server_error, "the request has an unknown expectation",
                     "expect 100-continue, or nothing"};
    }
    if (failed == http::error::header_limit) {
      return refusal{
          431, pulse_code::server_error,
          "the request's headers are larger than " + shown_bytes(limits_.header_bytes_max),
          "stream a model with fewer fields"};
    }
    if (failed == http::error::body_limit) {
      return refusal{413, pulse_code::server_error,
                     "the request's body is larger than " + shown_bytes(limits_.body_bytes_max)};
    }
    if (failed == http::error::bad_transfer_encoding) {
      return refusal{411, pulse_code::server_error,
                     "the request's body comes without its length (transfer-encoding)",
                     "send the whole body, with content-length"};
    }
    if (failed) {
      return refusal{400, pulse_code::server_error,
                     "the request is not valid HTTP/1.1: " + failed.message()};
    }
  }
  return parsing.is_done() ? progress::complete : progress::need_more;
}

bool http_request_reader::wants_continue() {
  return parser_->is_header_done() && !parser_->is_done() &&
         std::exchange(parser_->continue_wanted, false);
}

std::size_t http_request_reader::body_bytes() const {
  return parser_->request.body.capacity();
}

http_request http_request_reader::take() {
  parser_->request.keep_alive = parser_->keep_alive();
  return std::move(parser_->request);
}

}  // namespace pulse::server
