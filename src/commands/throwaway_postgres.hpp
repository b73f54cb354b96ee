// A PostgreSQL server of one run's own: on a loopback port, with a password of its own, in a folder
// that goes with the run, and never outliving this process.
#pragma once

#include "commands/child_process.hpp"
#include "commands/postgres_programs.hpp"
#include "commands/temporary_folder.hpp"
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/error.hpp"

namespace pulse::commands {

// Whether PostgreSQL's `postmaster.pid` is that of this process and says that it listens at this
// port. The file of version 10 and later.
bool says_ready(std::string_view postmaster_file, pid_t server, std::uint16_t port);

// One owner, one thread: see child_process. Durable it is not: it is thrown away.
class throwaway_postgres {
 public:
  // Makes a cluster in `folder` and starts it with wal_level = logical; it listens on TCP at
  // 127.0.0.1 only. As root it runs as user `postgres`, or else as `nobody`. Returns when it
  // accepts connections. `unwanted` is asked now and then: errc::cancelled. The environment's PG*
  // count for connections to it as for any other: see forget_libpq_settings().
  static result<std::unique_ptr<throwaway_postgres>> start(const postgres_programs& programs,
                                                           const temporary_folder& folder,
                                                           const std::function<bool()>& unwanted);
  // Ends it. What it holds is lost.
  ~throwaway_postgres();
  throwaway_postgres(const throwaway_postgres&) = delete;
  throwaway_postgres& operator=(const throwaway_postgres&) = delete;

  // Of its superuser, with the password: secret. It says that there is no TLS.
  const std::string& url() const { return url_; }

 private:
  throwaway_postgres(child_process server, std::string url)
      : server_(std::move(server)), url_(std::move(url)) {}

  child_process server_;
  std::string url_;
};

// Takes PG* out of this process's environment: they tell libpq about other servers (PGHOSTADDR,
// PGCHANNELBINDING, PGOPTIONS, …). Not while there are other threads.
void forget_libpq_settings();

}  // namespace pulse::commands
