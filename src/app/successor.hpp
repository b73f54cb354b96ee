// The process that follows this one, at the same addresses and in the same place: perhaps a newer
// program, or with other settings.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/error.hpp"
#include "server/listening_socket.hpp"

namespace pulse::app {

// How this process was started.
struct program_start {
  std::filesystem::path program;       // a newer one may stand there by now
  std::vector<std::string> arguments;  // the name that it was called by first
};

// To be asked at the start: later the file may have been replaced. errc::io.
result<program_start> this_program_start();

// Runs the program that stands there now with its arguments and --check, in a process of its own,
// and says whether it could start: what it has against that is on standard error. `done` on the
// executor, within ten seconds.
void check_successor(const program_start& start, const boost::asio::any_io_executor& executor,
                     std::function<void(result<void>)> done);

// Turns this process into its successor, which takes the sockets over. Nothing else of this process
// is left by then but its threads' ends: everything is stored, and every lock let go. When the
// program cannot be run any more, this one begins anew. Returns only when not even that is
// possible.
error become_successor(const program_start& start, const server::listening_sockets& sockets);

}  // namespace pulse::app
