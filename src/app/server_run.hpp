// `pulse serve`: everything started in order, and ended in order.
#pragma once

#include <functional>

#include "app/config.hpp"

namespace pulse::app {

// Runs until SIGTERM or SIGINT. Gives the process's exit code: 0 after an orderly end, 1 when it
// could not start. Throws nothing; says on standard error what went wrong. On SIGHUP `read_config`
// is called, and what can change while running does.
int run_server(const server_config& config, std::function<result<server_config>()> read_config);

}  // namespace pulse::app
