// A server's HTTP answer as the command line reads it.
#pragma once

#include <string>

#include <boost/system/error_code.hpp>

#include "commands/admin_connection.hpp"

namespace pulse::commands {

struct server_answer {
  unsigned status = 0;
  std::string websocket_accept;  // the header sec-websocket-accept
  std::string body;
  std::string behind;  // what has come after it: of a WebSocket, its first frames
};

// Reads one answer. An error: the connection has failed or ended, or what comes is no HTTP.
boost::system::error_code read_answer(admin_connection& connection, server_answer& to);

}  // namespace pulse::commands
