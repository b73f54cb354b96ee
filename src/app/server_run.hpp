// `pulse serve`: everything started in order, and ended in order.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <vector>

#include "app/event_watch.hpp"
#include "config/config.hpp"
#include "server/server.hpp"

namespace pulse::app {

// What else there is in a process whose server is only a part of it: `pulse dev`.
struct run_beside {
  std::optional<event_watcher> watcher = {};  // of the projects' events
  // Both on the calling thread. Signals that end the server can be raised from here on.
  std::function<void(const server::bound_addresses&)> on_serving = {};
  // Everything has stopped. Signals that end a process are to be blocked until run_server() has
  // returned, unless they are meant to end this one: it stops looking at them.
  std::function<void()> on_stopped = {};
  // With SIGHUP among them it ends with its terminal, and does not read the settings again.
  std::vector<int> ending_signals = {SIGTERM, SIGINT};
};

// Runs until a signal that ends it (SIGTERM or SIGINT, unless `beside` says otherwise), at the
// sockets that the process was started with, or at its own. Gives the process's exit code: 0 after
// an orderly end, 1 when it could not start. Throws nothing; says on standard error what went
// wrong. On SIGHUP `read_config` is called, and what can change while running does. On SIGUSR2 the
// program that stands in this one's place is asked whether it could start; if so this process ends
// in order, keeps its listening sockets, and becomes that one.
int run_server(const config::server_config& config,
               std::function<result<config::server_config>()> read_config, run_beside beside = {});

// Whether run_server() could start, as far as that can be told while another one runs with the same
// data directory: certificates, database URLs, Prisma schemas, the directory. The exit code: 0 or
// 1, with the reason on standard error.
int check_server(const config::server_config& config);

}  // namespace pulse::app
