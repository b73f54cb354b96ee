// `pulse serve`: everything started in order, and ended in order.
#pragma once

#include <functional>

#include "app/config.hpp"

namespace pulse::app {

// Runs until SIGTERM or SIGINT, at the sockets that the process was started with, or at its own.
// Gives the process's exit code: 0 after an orderly end, 1 when it could not start. Throws nothing;
// says on standard error what went wrong. On SIGHUP `read_config` is called, and what can change
// while running does. On SIGUSR2 the program that stands in this one's place is asked whether it
// could start; if so this process ends in order, keeps its listening sockets, and becomes that one.
int run_server(const server_config& config, std::function<result<server_config>()> read_config);

// Whether run_server() could start, as far as that can be told while another one runs with the same
// data directory: certificates, database URLs, Prisma schemas, the directory. The exit code: 0 or
// 1, with the reason on standard error.
int check_server(const server_config& config);

}  // namespace pulse::app
