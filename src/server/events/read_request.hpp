// What a reader asks for who keeps the place itself: GET /v1/events, POST /v1/events/query.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "requests/json_members.hpp"
#include "requests/request.hpp"
#include "server/events/page_token.hpp"
#include "streams/seek.hpp"

namespace pulse::server {

// Limits of one request.
inline constexpr std::size_t page_tables_max = 64;
inline constexpr std::size_t page_events_default = 100;
inline constexpr std::size_t page_events_max = 1000;
inline constexpr std::size_t page_bytes_default = std::size_t{1} << 20U;
inline constexpr std::size_t page_bytes_max = std::size_t{8} << 20U;
inline constexpr std::chrono::seconds page_wait_max{55};

// Events from now on.
struct from_now {
  bool operator==(const from_now&) const = default;
};
// Where a page begins: after a place, at what is to be found in the log, or now.
using page_start = std::variant<page_place, streams::seek_target, from_now>;

struct read_request {
  std::vector<requests::stream_request> tables;
  page_start after;
  std::size_t events_max = page_events_default;
  std::size_t bytes_max = page_bytes_default;
  std::chrono::milliseconds wait{0};
  std::optional<std::uint64_t> accept_gap = {};
  bool until_end = false;  // of the database's history when the request came
};

// Reads "beginning", "now", a `next` token, an event's id, a time or an LSN.
result<page_start> parse_page_start(std::string_view text, std::string_view project,
                                    const requests::request_place& place);

// Reads a request's target. `last_event_id` (may be empty) is the header that an EventSource sends
// when it connects again: it takes the place of `after`. Errors are errc::invalid_argument, and
// name the parameter.
result<read_request> read_page_query(std::string_view target, std::string_view last_event_id,
                                     std::string_view project);

// Reads a request's body. Errors are errc::invalid_argument, and name the member.
result<read_request> read_page_body(std::string_view body, std::string_view project);

}  // namespace pulse::server
