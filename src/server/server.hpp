// Both addresses and all their connections.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "server/admin/admin_backend.hpp"
#include "server/listening_socket.hpp"
#include "server/options.hpp"
#include "server/registry.hpp"
#include "server/stream_host.hpp"

namespace pulse::server {

struct bound_addresses {
  listen_address streams;
  listen_address admin;
};

// Everything runs on one thread, that of the executor: the delivery thread. The arguments of
// start() must outlive the last connection: until stop() has called `done`.
class server {
 public:
  // How a project's streams are reached; empty: through its hub.
  using host_factory = std::function<std::shared_ptr<stream_host>(project_service&)>;

  explicit server(const boost::asio::any_io_executor& executor);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Listens on both addresses, or on none: the error names the one that failed. `sockets` that are
  // open are used instead of the options' addresses. Once. Callable before the executor runs.
  result<bound_addresses> start(server_options options, service_registry& registry,
                                admin_backend& backend, metrics& figures, host_factory hosts = {},
                                listening_sockets sockets = {});

  // Reads certificate and key again, for connections from now on; open ones keep what they have. On
  // an error nothing changes.
  result<void> use_tls(const tls_files& files);
  // From now on: open connections, those of one address, wrong keys of one address, and how long a
  // client may be silent.
  void use_limits(std::size_t connections_max, std::size_t connections_per_address_max,
                  std::size_t failed_keys_per_minute, std::chrono::milliseconds silence_timeout);

  // A key was revoked: its open streams are closed with 1008.
  void end_sessions_of_key(std::string_view key_id);

  // Stops accepting, and closes both addresses unless release_sockets() was called before. Then:
  // 1. Requests in progress are answered (options.settling_timeout).
  // 2. Streams stop sending, and acknowledgements are waited for as long as they keep coming
  //    (options.draining_timeout from one to the next).
  // 3. All streams are closed at once, with 1001, so that a reconnecting client does not wait for
  //    others.
  // Calls `done` when nobody is connected, or after `limit`, when the rest is cut off.
  void stop(std::chrono::milliseconds limit, std::function<void()> done);
  // Stops accepting; the addresses stay open, and new clients wait.
  listening_sockets release_sockets();

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace pulse::server
