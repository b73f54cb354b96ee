// HTTP/1.1 requests and answers as plain values; the parsing is Beast's.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/refusal.hpp"

namespace pulse::server {

struct http_request {
  std::string method;  // "GET"
  std::string target;  // as sent: "/stream?x=1"
  // In the order sent; values are bytes as they came (Latin-1).
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool keep_alive = false;
  bool http_1_1 = true;

  // The first header of this name (any case); empty when there is none.
  std::string_view header(std::string_view name) const;
  // Whether a header that is a comma-separated list holds this token (any case), over all headers
  // of the name.
  bool header_has_token(std::string_view name, std::string_view token) const;
  // The target without query and trailing slashes; "/" at least.
  std::string_view path() const;
};

struct http_response {
  unsigned status = 200;
  std::string content_type = "application/json";
  // Answers tell of this moment: what a cache kept of them would be wrong, and perhaps secret.
  std::string cache_control = "no-store";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// The answer's bytes, with content-length, x-request-id and `connection`. `head`: an answer to
// HEAD, without its body.
std::string serialize(const http_response& answer, std::string_view request_id, bool keep_alive,
                      bool head = false);
// The head of an answer whose body follows bit by bit: without content-length. `chunked`: the body
// comes in chunks; else it ends with the connection.
std::string serialize_head(const http_response& answer, std::string_view request_id,
                           bool keep_alive, bool chunked);
// application/problem+json, with the headers that belong to the status.
http_response to_response(const refusal& why, std::string_view request_id);

// Header fields of one request: each is looked at by itself, however short it is.
inline constexpr std::size_t http_fields_max = 256;

struct http_limits {
  std::size_t header_bytes_max = std::size_t{1} << 20U;
  std::size_t body_bytes_max = std::size_t{1} << 20U;
};

// Reads one request from bytes as they come. No I/O.
class http_request_reader {
 public:
  explicit http_request_reader(http_limits limits);
  ~http_request_reader();
  http_request_reader(const http_request_reader&) = delete;
  http_request_reader& operator=(const http_request_reader&) = delete;

  enum class progress { need_more, complete };
  // Looks at the front of `bytes` and removes what it has used up. An error is the answer to give:
  // 431 for too large a header or more than http_fields_max fields, 413 for too large a body, 411
  // for one without its length, 417 for an unknown `expect`, 400 for what is no HTTP.
  boost::system::result<progress, refusal> read(std::string& bytes);
  // True once, when the client waits for a 100 before it sends the body.
  bool wants_continue();
  // Of the body, as far as it has come.
  std::size_t body_bytes() const;
  // Once complete.
  http_request take();

 private:
  struct parser;
  http_limits limits_;
  std::unique_ptr<parser> parser_;
};

}  // namespace pulse::server
