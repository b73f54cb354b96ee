#include "commands/throwaway_postgres.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <pwd.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include "app/data_dir.hpp"
#include "commands/database_work.hpp"
#include "control/key_ring.hpp"

namespace pulse::commands {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds readiness_poll_interval{20};
constexpr std::chrono::seconds initdb_limit{60};
constexpr std::chrono::seconds server_start_limit{60};
constexpr std::chrono::seconds server_end_limit{10};
// Between looking for a free port and PostgreSQL's taking it, somebody else may.
constexpr int ports_tried_max = 3;
constexpr std::size_t last_words_bytes_max = 2000;
constexpr std::size_t postmaster_file_bytes_max = 4096;

// What both programs need.
struct cluster {
  fs::path programs;
  fs::path folder;  // belongs to the user
  fs::path output;  // lies elsewhere: root writes nothing where the user could put a link
  std::optional<system_user> user;
  int keep_open = -1;
  std::string password;

  fs::path data() const { return folder / "data"; }
  fs::path password_file() const { return folder / "password"; }

  child_start program(const char* name, std::vector<std::string> arguments, int signal) const {
    return {programs / name,
            std::move(arguments),
            // Messages in English, and nothing of PG*: those are for clients of other servers.
            {"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=" + folder.string()},
            folder,
            output,
            user,
            keep_open,
            signal};
  }
};

std::optional<system_user> user_named(const char* name) {
  const auto* found = ::getpwnam(name);
  if (found == nullptr || found->pw_uid == 0) return std::nullopt;
  return system_user{name, found->pw_uid, found->pw_gid};
}

// PostgreSQL refuses to run as root. Nothing: as this process.
result<std::optional<system_user>> server_user() {
  if (::geteuid() != 0) return std::optional<system_user>();
  for (const char* name : {"postgres", "nobody"}) {
    if (auto user = user_named(name)) return user;
  }
  return error{errc::unsupported,
               "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor "
               "`nobody` to run it as",
               "run Pulse as an ordinary user"};
}

error said_by_postgres(const cluster& with, std::string_view what) {
  std::ifstream file(with.output);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (text.size() > last_words_bytes_max) text.erase(0, text.size() - last_words_bytes_max);
  return {errc::unavailable, fmt::format("{}: {}", what, text),
          "fix PostgreSQL's error, or give the URL of a database with --database"};
}

error not_wanted() {
  return {errc::cancelled, "PostgreSQL's start was cancelled"};
}

result<void> give_to(const fs::path& path, const std::optional<system_user>& user) {
  if (!user || ::lchown(path.c_str(), user->user, user->group) == 0) return {};
  return error{errc::io, fmt::format("cannot make user {1} the owner of {0}: {2}", path.string(),
                                     user->name, std::strerror(errno))};
}

// Until `done` says so. errc::cancelled, or errc::unavailable after the time.
result<void> wait_until(const std::function<bool()>& done, std::chrono::seconds limit,
                        const std::function<bool()>& unwanted, std::string_view what) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (unwanted()) return not_wanted();
    if (std::chrono::steady_clock::now() >= deadline) {
      return error{errc::unavailable, fmt::format("{} takes longer than {} s", what, limit.count()),
                   "try again when the machine is less busy"};
    }
    std::this_thread::sleep_for(readiness_poll_interval);
  }
  return {};
}

result<void> make_cluster(const cluster& with, const std::function<bool()>& unwanted) {
  const auto arguments = std::vector<std::string>{
      "--pgdata=" + with.data().string(), "--username=postgres", "--auth=scram-sha-256",
      "--pwfile=" + with.password_file().string(), "--encoding=UTF8", "--locale=C",
      // It is thrown away: no disk is waited for.
      "--no-sync"};
  auto initdb = child_process::start(with.program("initdb", arguments, SIGKILL));
  if (!initdb) return initdb.error();
  if (auto ended = wait_until([&] { return initdb->ended().has_value(); }, initdb_limit, unwanted,
                              "making a PostgreSQL cluster");
      !ended) {
    return ended;
  }
  std::error_code ignored;
  fs::remove(with.password_file(), ignored);
  return *initdb->ended() == 0
             ? result<void>()
             : result<void>(said_by_postgres(with, "creating a PostgreSQL cluster failed"));
}

// Of 127.0.0.1, free a moment ago.
std::uint16_t free_port() {
  using boost::asio::ip::tcp;
  boost::asio::io_context context(1);
  const tcp::acceptor probe(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  return probe.local_endpoint().port();
}

result<child_process> start_server(const cluster& with, std::uint16_t port) {
  std::vector<std::string> arguments{"-D", with.data().string()};
  for (const auto& setting :
       {std::string("listen_addresses=127.0.0.1"), fmt::format("port={}", port),
        std::string("unix_socket_directories="), std::string("wal_level=logical"),
        std::string("fsync=off"), std::string("full_page_writes=off")}) {
    arguments.emplace_back("-c");
    arguments.push_back(setting);
  }
  // SIGQUIT: it ends its own processes at once, and then itself. What SIGKILL would leave running
  // notices only when it next waits for something.
  return child_process::start(with.program("postgres", arguments, SIGQUIT));
}

// What PostgreSQL has written about itself in its data directory; empty: nothing yet.
std::string postmaster_file(const cluster& with) {
  const auto path = with.data() / "postmaster.pid";
  // It is the user's: neither a link nor a pipe is followed.
  const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return {};
  std::string text(postmaster_file_bytes_max, '\0');
  const auto count = ::read(file, text.data(), text.size());
  ::close(file);
  text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return text;
}

// The port is seen by everybody on this machine before PostgreSQL has it. Whoever takes it first
// would be sent the password, so that nothing is sent until PostgreSQL itself says that it has it.
result<void> accepts_connections(const cluster& with, const child_process& server,
                                 std::uint16_t port, const std::string& url) {
  if (!says_ready(postmaster_file(with), server.pid(), port))
    return error{errc::unavailable, "PostgreSQL does not listen yet"};
  config::project_config project;
  project.database_url = url;
  const auto nothing = [](source::connection* /*database*/,
                          source::source_names /*names*/) -> source::async_result<findings> {
    co_return findings();
  };
  const auto answer = ask_database(project, nothing);
  return answer ? result<void>() : result<void>(answer.error());
}

// errc::cancelled; errc::unavailable after the time, with why the last attempt failed.
result<void> wait_until_ready(const cluster& with, const child_process& server, std::uint16_t port,
                              const std::string& url, const std::function<bool()>& unwanted) {
  result<void> last;
  const auto done = [&] {
    if (server.ended()) return true;
    last = accepts_connections(with, server, port, url);
    return last.has_value();
  };
  auto waited = wait_until(done, server_start_limit, unwanted, "starting PostgreSQL");
  if (waited || waited.error().code == errc::cancelled || last) return waited;
  auto why = waited.error();
  why.what += fmt::format(" (the last attempt: {})", last.error().message());
  return why;
}

// While it is still root's: afterwards the user could put a link in the place of anything there.
result<void> fill_folder(const cluster& with) {
  std::error_code failure;
  fs::create_directory(with.folder, failure);
  if (!failure) fs::permissions(with.folder, fs::perms::owner_all, failure);
  if (failure) return error{errc::io, "making " + with.folder.string() + ": " + failure.message()};
  if (auto written = app::write_private_file(with.password_file(), with.password + "\n"); !written)
    return written;
  for (const auto& path : {with.password_file(), with.folder}) {
    if (auto given = give_to(path, with.user); !given) return given;
  }
  return {};
}

// Others may pass through the outer folder to what is theirs, and see nothing else.
result<void> open_to_pass(const fs::path& folder) {
  std::error_code failure;
  fs::permissions(folder, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec,
                  failure);
  if (!failure) return {};
  return error{errc::io, "opening " + folder.string() + ": " + failure.message()};
}

result<cluster> prepare(const postgres_programs& programs, const temporary_folder& folder) {
  const auto random = control::make_key("throwaway", "");
  if (!random) return random.error();
  auto user = server_user();
  if (!user) return user.error();
  cluster with{programs.folder,  folder.path() / "postgres", folder.path() / "postgres-output",
               std::move(*user), folder.descriptor(),        random->secret};
  if (with.user) {
    if (auto opened = open_to_pass(folder.path()); !opened) return opened.error();
  }
  if (auto filled = fill_folder(with); !filled) return filled.error();
  if (!programs.from_npm) return with;
  auto copied = copy_package(programs, folder.path() / "programs");
  if (!copied) return copied.error();
  with.programs = std::move(*copied);
  return with;
}

}  // namespace

bool says_ready(std::string_view postmaster_file, pid_t server, std::uint16_t port) {
  // Process, data directory, start, port, socket directory, address, shared memory, status.
  constexpr std::size_t process_line = 0;
  constexpr std::size_t port_line = 3;
  constexpr std::size_t status_line = 7;
  std::vector<std::string_view> lines;
  while (!postmaster_file.empty()) {
    const auto end = std::min(postmaster_file.find('\n'), postmaster_file.size());
    auto line = postmaster_file.substr(0, end);
    // The status is filled up with spaces.
    while (line.ends_with(' ')) line.remove_suffix(1);
    lines.push_back(line);
    postmaster_file.remove_prefix(std::min(end + 1, postmaster_file.size()));
  }
  return lines.size() > status_line && lines[process_line] == std::to_string(server) &&
         lines[port_line] == std::to_string(port) && lines[status_line] == "ready";
}

result<std::unique_ptr<throwaway_postgres>> throwaway_postgres::start(
    const postgres_programs& programs, const temporary_folder& folder,
    const std::function<bool()>& unwanted) {
  const auto with = prepare(programs, folder);
  if (!with) return with.error();
  if (auto made = make_cluster(*with, unwanted); !made) return made.error();
  for (int attempt = 0; attempt < ports_tried_max; ++attempt) {
    const auto port = free_port();
    // It has no TLS, which an environment may want of servers, and some drivers do.
    auto url = fmt::format("postgresql://postgres:{}@127.0.0.1:{}/postgres?sslmode=disable",
                           with->password, port);
    auto server = start_server(*with, port);
    if (!server) return server.error();
    const auto ready = wait_until_ready(*with, *server, port, url, unwanted);
    if (!ready) {
      // In order, so that its own processes end too, each of which has a group of its own.
      server->end(SIGQUIT, server_end_limit);
      return ready.error();
    }
    if (server->ended()) continue;
    return std::unique_ptr<throwaway_postgres>(
        new throwaway_postgres(std::move(*server), std::move(url)));
  }
  return said_by_postgres(*with, "PostgreSQL does not start");
}

void forget_libpq_settings() {
  std::vector<std::string> names;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view setting(*one);
    if (setting.starts_with("PG")) names.emplace_back(setting.substr(0, setting.find('=')));
  }
  for (const auto& name : names) ::unsetenv(name.c_str());
}

throwaway_postgres::~throwaway_postgres() {
  server_.end(SIGQUIT, server_end_limit);
}

}  // namespace pulse::commands
