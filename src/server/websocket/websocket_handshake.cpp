#include "server/websocket/websocket_handshake.hpp"

#include <array>

#include <boost/algorithm/string/trim.hpp>
#include <openssl/evp.h>

#include "base/base64.hpp"

namespace pulse::server {
namespace {

// Base64 of 16 bytes: 22 digits and "==".
bool is_websocket_key(std::string_view key) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.ends_with("==") &&
         key.substr(0, 22).find_first_not_of(digits) == std::string_view::npos;
}

std::string trimmed_key(const http_request& request) {
  return boost::algorithm::trim_copy(std::string(request.header("sec-websocket-key")));
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  const auto text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return to_base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::optional<refusal> check_upgrade(const http_request& request) {
  constexpr auto code = pulse_code::server_error;
  if (request.method != "GET") {
    return refusal{405, code, "streams are opened with GET, not with " + request.method};
  }
  if (!request.http_1_1 || !request.header_has_token("connection", "upgrade") ||
      !request.header_has_token("upgrade", "websocket")) {
    return refusal{
        426, code, "the request has no WebSocket upgrade",
        "connect with a WebSocket client; let proxies pass the headers 'upgrade' and 'connection'"};
  }
  if (boost::algorithm::trim_copy(std::string(request.header("sec-websocket-version"))) != "13") {
    return refusal{426, code, "Pulse supports WebSocket version 13 (RFC 6455) only"};
  }
  if (!is_websocket_key(trimmed_key(request))) {
    return refusal{400, code, "the header sec-websocket-key is missing or not 16 bytes in base64"};
  }
  return std::nullopt;
}

std::string_view agree_on_extensions(const http_request& request, compression_policy policy,
                                     bool peer_is_local) {
  if (policy == compression_policy::off ||
      (policy == compression_policy::automatic && peer_is_local))
    return {};
  return answer_to_offer(request.header("sec-websocket-extensions"));
}

std::string accept_upgrade(const http_request& request, std::string_view request_id,
                           std::string_view extensions) {
  std::string text =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "upgrade: websocket\r\n"
      "connection: Upgrade\r\n"
      "sec-websocket-accept: ";
  text += websocket_accept(trimmed_key(request));
  text += "\r\nx-request-id: ";
  text += request_id;
  if (!extensions.empty()) {
    text += "\r\nsec-websocket-extensions: ";
    text += extensions;
  }
  text += "\r\n\r\n";
  return text;
}

}  // namespace pulse::server
