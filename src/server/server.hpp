// The outside: both addresses and everybody connected to them.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "server/admin_backend.hpp"
#include "server/options.hpp"
#include "server/registry.hpp"
#include "server/stream_host.hpp"

namespace pulse::server {

struct bound_addresses {
  listen_address streams;
  listen_address admin;
};

// Everything runs on one thread, that of the executor: the delivery thread. What it was started
// with must outlive the last of its connections: until stop() has said that it is done.
class server {
 public:
  // How a project's streams are reached; empty: through its hub.
  using host_factory = std::function<std::shared_ptr<stream_host>(project_service&)>;

  explicit server(const boost::asio::any_io_executor& executor);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Listens on both addresses, or on none: the error names the one that failed. Once. Callable
  // before the executor runs.
  result<bound_addresses> start(server_options options, service_registry& registry,
                                admin_backend& backend, metrics& figures, host_factory hosts = {});

  // Reads certificate and key again, for connections from now on; open ones keep what they have. On
  // an error nothing changes.
  result<void> use_tls(const tls_files& files);
  // The limit on open connections, and how long a client may be silent, from now on.
  void use_limits(std::size_t connections_max, std::chrono::milliseconds silence_timeout);

  // A key was revoked: its open streams are closed with 1008.
  void end_sessions_of_key(std::string_view key_id);

  // Closes both addresses, closes every stream with 1001 (after the acknowledgements of what it has
  // sent, within options.draining_timeout), and calls `done` once nobody is connected or `limit`
  // has passed and the rest was cut off.
  void stop(std::chrono::milliseconds limit, std::function<void()> done);

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace pulse::server
