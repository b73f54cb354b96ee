// What a consumer may ask of its stream besides the table and the filters.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/error.hpp"

namespace pulse::requests {

struct stream_options {
  bool from_beginning = false;  // a new name starts before all stored events
  bool until_end = false;       // it is told when everything that was committed by now was sent
  std::optional<std::size_t> window_events = {};  // sent and unacknowledged
};

inline constexpr std::size_t window_events_of_request_max = 10'000;

// Reads the header 'stream' of a request with protocol 2: {"name","from":"now"|"beginning",
// "until":"end","window":N}. Unknown members are refused; parse_request() reads the name. An empty
// header asks for nothing.
result<stream_options> parse_stream_options(std::string_view stream_header);

}  // namespace pulse::requests
