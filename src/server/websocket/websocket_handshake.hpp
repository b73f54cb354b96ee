// The opening handshake (RFC 6455, section 4.2) of requests that have been read already.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/http/http_message.hpp"
#include "server/websocket/deflate.hpp"

namespace pulse::server {

// Nothing when the request is a WebSocket upgrade that can be accepted; else the answer: 426 for
// what is no upgrade or wants another version than 13, 405 for another method than GET, 400 for a
// missing or bad key.
std::optional<refusal> check_upgrade(const http_request& request);

// Returns what a server answers to a key in sec-websocket-accept.
std::string websocket_accept(std::string_view key);

// What is agreed on of the extensions that the request offers; empty: none. To a peer on this
// machine nothing is compressed unless the policy says always.
std::string_view agree_on_extensions(const http_request& request, compression_policy policy,
                                     bool peer_is_local);

// The 101 answer to a request that check_upgrade() lets pass. `extensions` is what was agreed on;
// what is not mentioned, subprotocols too, is declined.
std::string accept_upgrade(const http_request& request, std::string_view request_id,
                           std::string_view extensions);

}  // namespace pulse::server
