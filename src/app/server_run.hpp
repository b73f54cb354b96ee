// `pulse serve`: everything started in order, and ended in order.
#pragma once

#include "app/config.hpp"

namespace pulse::app {

// Runs until SIGTERM or SIGINT. Gives the process's exit code: 0 after an orderly end, 1 when it
// could not start. Throws nothing; says on standard error what went wrong.
int run_server(const server_config& config);

}  // namespace pulse::app
