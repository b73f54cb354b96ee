// What can be said of a configuration before anything is begun with it.
#pragma once

#include "base/error.hpp"
#include "config/config.hpp"
#include "server/listening_socket.hpp"

namespace pulse::app {

// Holds sockets that came from elsewhere to what the configuration is held to.
result<void> check_sockets(const server::listening_sockets& sockets,
                           const config::server_config& config);

// Checks each project's database URL and Prisma schema, without connecting anywhere.
result<void> check_projects(const config::server_config& config);

// Checks these, the certificate and the data directory, which may be missing.
result<void> check_parts(const config::server_config& config);

}  // namespace pulse::app
