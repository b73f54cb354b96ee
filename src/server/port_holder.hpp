// Which program listens on a port. Linux only, from the files of /proc (proc(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pulse::server {

// "postgres (process 4711)". Nothing: nobody listens there, or the program is another user's, whose
// files this one may not look at. Reads the files of all processes: for an error's text.
std::optional<std::string> port_holder(std::uint16_t port);

}  // namespace pulse::server
