// What Pulse tells a consumer about its stream, between the events: docs/wire_protocol.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "streams/hub.hpp"

namespace pulse::server {

// The request header that asks for them, and its only value.
inline constexpr std::string_view protocol_header = "pulse-protocol";
inline constexpr std::string_view protocol_with_controls = "2";

// {"pulse":"open","requestId":…}, and "waiting":{"kind":…,"since":…} while `holder` has the name.
std::string open_message(std::string_view request_id,
                         const std::optional<streams::name_holder>& holder);
// {"pulse":"caught_up"}
std::string_view caught_up_message();
// {"pulse":"heartbeat"}
std::string_view heartbeat_message();

}  // namespace pulse::server
