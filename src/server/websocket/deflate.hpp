// permessage-deflate (RFC 7692): what is agreed on, and each message by itself.
//
// No side keeps its window from one message to the next ("no context takeover"): a connection then
// costs no memory for it, and an event is compressed once for all the connections that get it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

struct z_stream_s;

namespace pulse::server {

// When an offer is taken.
enum class compression_policy {
  automatic,  // when the client is on another machine: on the same one, bytes cost less than work
  on,
  off,
};

// The answer to a client's sec-websocket-extensions; empty when nothing in it can be agreed to.
std::string_view answer_to_offer(std::string_view offered_extensions);

// One owner; what it gives holds until the next call.
class message_deflater {
 public:
  message_deflater();
  ~message_deflater();
  message_deflater(const message_deflater&) = delete;
  message_deflater& operator=(const message_deflater&) = delete;

  // Smaller messages are sent as they are: what is saved fits into the packet anyway.
  static constexpr std::size_t bytes_min = 1024;

  // Nothing when it does not pay: too small, or not an eighth smaller. The last message is
  // remembered, since several connections get the same one after the other.
  std::optional<std::string_view> compress(std::string_view message);

 private:
  std::unique_ptr<z_stream_s> stream_;
  std::string last_message_;
  std::string last_compressed_;
};

class message_inflater {
 public:
  message_inflater();
  ~message_inflater();
  message_inflater(const message_inflater&) = delete;
  message_inflater& operator=(const message_inflater&) = delete;

  // errc::invalid_argument: it would be larger than `bytes_max`; errc::protocol: not compressed
  // text.
  result<std::string_view> inflate(std::string_view compressed, std::size_t bytes_max);

 private:
  std::unique_ptr<z_stream_s> stream_;
  std::string message_;
};

}  // namespace pulse::server
