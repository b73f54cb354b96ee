// What a stranger sends to either address, in any pieces: the request is the same as when all comes
// at once, and what asks for an upgrade is answered or refused.
#include <cstdlib>
#include <optional>
#include <string>

#include "server/http/http_message.hpp"
#include "server/routes.hpp"
#include "server/secret.hpp"
#include "server/websocket/deflate.hpp"
#include "server/websocket/websocket_handshake.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace pulse;

constexpr server::http_limits limits{4096, 1024};

// Nothing: it is refused, or the rest is still to come. The library finds some mistakes before a
// header is whole when more of it comes at once, so these two are not told apart.
std::optional<server::http_request> read(std::string_view all, std::size_t piece_bytes) {
  server::http_request_reader reader(limits);
  std::string unread;
  while (!all.empty()) {
    const auto piece = all.substr(0, piece_bytes);
    all.remove_prefix(piece.size());
    unread += piece;
    const auto progress = reader.read(unread);
    if (!progress) return std::nullopt;
    if (*progress == server::http_request_reader::progress::complete) return reader.take();
  }
  return std::nullopt;
}

bool alike(const server::http_request& a, const server::http_request& b) {
  return a.method == b.method && a.target == b.target && a.headers == b.headers &&
         a.body == b.body && a.keep_alive == b.keep_alive && a.http_1_1 == b.http_1_1;
}

void use(const server::http_request& request) {
  for (const auto where : {server::surface::streams, server::surface::admin})
    static_cast<void>(server::all_routes().find(where, request.method, request.path()));
  static_cast<void>(server::bearer_token(request.header("authorization")));
  const auto extensions = server::answer_to_offer(request.header("sec-websocket-extensions"));
  if (server::check_upgrade(request)) return;
  const auto answer = server::accept_upgrade(request, "id", extensions);
  // Nothing that was sent may add a line to the answer.
  if (!answer.starts_with("HTTP/1.1 101 ") || !answer.ends_with("\r\n\r\n") ||
      answer.find("\r\n\r\n") != answer.size() - 4)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input bytes(data, size);
  const std::size_t piece_bytes = 1 + std::size_t{bytes.take_byte()};
  const auto whole = read(bytes.rest_as_text(), std::string_view::npos);
  const auto pieces = read(bytes.rest_as_text(), piece_bytes);
  if (whole.has_value() != pieces.has_value()) std::abort();
  if (!whole) return 0;
  if (!alike(*whole, *pieces)) std::abort();
  use(*whole);
  return 0;
}
