// What a request to /v1/wait asks for. No I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "change/lsn.hpp"
#include "requests/request.hpp"

namespace pulse::server {

inline constexpr std::chrono::seconds wait_default{5};
// Below the 60 s after which many proxies give up.
inline constexpr std::chrono::seconds wait_max{55};

struct wait_request {
  // One of the three.
  std::optional<std::uint64_t> xid;  // with its epoch: 64 bits
  std::optional<lsn> at;
  bool now = false;  // where the database's history ends when the request comes

  // Of the stream that must have acknowledged it: native, named. Nothing: captured is enough.
  std::optional<requests::stream_request> stream;
  std::chrono::milliseconds longest = wait_default;
};

// `target`: of the request. errc::invalid_argument names the parameter that is wrong.
result<wait_request> parse_wait(std::string_view target);

}  // namespace pulse::server
