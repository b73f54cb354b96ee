// A PostgreSQL server of one run: on a loopback port, with its own password, in a folder that is
// removed with the run. It never outlives this process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/error.hpp"
#include "commands/child_process.hpp"
#include "commands/postgres_programs.hpp"
#include "commands/temporary_folder.hpp"

namespace pulse::commands {

// Returns whether `postmaster.pid` is of this process and reports that it listens at this port. The
// file of version 10 and later.
bool says_ready(std::string_view postmaster_file, pid_t server, std::uint16_t port);

// One owner, one thread: see child_process. Not durable.
class throwaway_postgres {
 public:
  // Creates a cluster in `folder` and starts it with wal_level = logical; it listens on TCP at
  // 127.0.0.1 only. As root it runs as user `postgres`, or else as `nobody`. Returns when it
  // accepts connections. Asks `unwanted` now and then: errc::cancelled. PG* variables apply to
  // connections to it as to any other: see forget_libpq_settings().
  static result<std::unique_ptr<throwaway_postgres>> start(const postgres_programs& programs,
                                                           const temporary_folder& folder,
                                                           const std::function<bool()>& unwanted);
  // Ends it. Its data are lost.
  ~throwaway_postgres();
  throwaway_postgres(const throwaway_postgres&) = delete;
  throwaway_postgres& operator=(const throwaway_postgres&) = delete;

  // The URL of its superuser, with the password: secret. It disables TLS.
  const std::string& url() const { return url_; }

 private:
  throwaway_postgres(child_process server, std::string url)
      : server_(std::move(server)), url_(std::move(url)) {}

  child_process server_;
  std::string url_;
};

// Removes PG* from this process's environment: they tell libpq about other servers (PGHOSTADDR,
// PGCHANNELBINDING, PGOPTIONS, …). Not while there are other threads.
void forget_libpq_settings();

}  // namespace pulse::commands
