// The process after an exec hand-over, at the same addresses: perhaps a newer program, or with
// other settings.
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

// Call this at the start: later the file may have been replaced. errc::io.
result<program_start> this_program_start();

// Runs the present program file with its arguments and --check, in its own process, and returns
// whether it could start; it prints its reasons on standard error. `done` on the executor, within
// 10 s.
void check_successor(const program_start& start, const boost::asio::any_io_executor& executor,
                     std::function<void(result<void>)> done);

// Turns this process into its successor, which takes the sockets over. By then, everything of this
// process but its threads' ends is gone: everything is stored, and every lock released. If the
// program cannot be run any more, this one starts again. Returns only if even that is impossible.
error become_successor(const program_start& start, const server::listening_sockets& sockets);

}  // namespace pulse::app
