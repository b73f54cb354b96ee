// What the bodies of a pull and of an acknowledgement ask for.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "requests/request.hpp"
#include "streams/lease.hpp"
#include "streams/pulls.hpp"

namespace pulse::server {

struct pull_body {
  requests::stream_request wanted;  // with its name
  std::string asked;                // the table and the filter as they were sent
  std::optional<std::string> token;
  streams::lease_acknowledgement acknowledged;
  std::size_t events_max = 100;
  std::size_t bytes_max = std::size_t{1} << 20U;
  std::chrono::seconds wait{0};
  std::chrono::seconds length{60};
  bool from_beginning = false;  // where a new name starts; else now
  bool until_end = false;
};

// Reads the body of POST /v1/streams/{name}/pull. Errors are errc::invalid_argument and name the
// member that is wrong, unknown or beyond `limits`. Part of a second counts as a whole one.
result<pull_body> parse_pull(std::string_view name, std::string_view body,
                             const streams::lease_limits& limits);

// Reads the body of POST /v1/streams/{name}/ack in the same way.
result<streams::lease_change> parse_lease_change(std::string_view name, std::string_view body,
                                                 const streams::lease_limits& limits);

}  // namespace pulse::server
