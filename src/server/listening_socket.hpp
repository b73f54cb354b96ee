// Sockets that listen already: given by whoever started this process, or kept for whoever follows
// it.
#pragma once

#include <utility>

#include "base/error.hpp"
#include "server/options.hpp"

namespace pulse::server {

// Owns a socket that listens on an IP address. Nobody needs to accept on it: who connects waits.
class listening_socket {
 public:
  listening_socket() = default;
  listening_socket(int descriptor, listen_address bound)
      : descriptor_(descriptor), bound_(std::move(bound)) {}
  ~listening_socket();
  listening_socket(listening_socket&& other) noexcept
      : descriptor_(other.release()), bound_(std::move(other.bound_)) {}
  listening_socket& operator=(listening_socket&& other) noexcept;

  bool is_open() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  // Gives up ownership.
  int release() { return std::exchange(descriptor_, -1); }
  const listen_address& bound() const { return bound_; }

 private:
  int descriptor_ = -1;
  listen_address bound_;
};

// Both addresses' sockets; one that is not open is made by the server itself.
struct listening_sockets {
  listening_socket streams;
  listening_socket admin;
};

// What this process was started with, by systemd or by the process that it follows
// (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES). Named "streams" and "admin"; without
// names the first is the streams' and the second the administration's. The variables are taken out
// of the environment. errc::invalid_argument: a socket that does not listen on an IP address, or a
// name that is neither. Once, before there are other threads.
result<listening_sockets> inherited_sockets();

// Puts the sockets where inherited_sockets() finds them after an exec() of this process: from
// descriptor 3 on, and the variables. Every other descriptor will be closed by it. errc::io.
result<void> leave_to_successor(const listening_sockets& sockets);

}  // namespace pulse::server
