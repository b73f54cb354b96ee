#include "commands/dev_command.hpp"

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include "app/server_run.hpp"
#include "base/logging.hpp"
#include "commands/child_process.hpp"
#include "commands/dev_greeting.hpp"
#include "commands/event_line.hpp"
#include "commands/line_output.hpp"
#include "commands/own_database.hpp"
#include "commands/temporary_folder.hpp"
#include "commands/throwaway_postgres.hpp"
#include "config/dotenv.hpp"
#include "config/terminal.hpp"
#include "control/key_ring.hpp"
#include "server/port_holder.hpp"
#include "source/database_url.hpp"

namespace pulse::commands {
namespace {

namespace fs = std::filesystem;

// The event log of a run; old events make room for new ones.
constexpr std::uint64_t dev_retention_bytes = std::uint64_t{256} << 20U;
constexpr int dev_ending_signals[] = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t dev_end_wanted = 0;

void note_end_wanted(int /*number*/) {
  dev_end_wanted = 1;
}

bool is_ignored(int number) {
  struct sigaction now{};
  return ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// Without those that whoever started this process lets it ignore, as nohup does with SIGHUP and a
// shell with SIGINT in the background. SIGTERM is always one: that is how it ends itself.
std::vector<int> signals_to_end_at() {
  std::vector<int> all;
  for (const int number : dev_ending_signals) {
    if (number == SIGTERM || !is_ignored(number)) all.push_back(number);
  }
  return all;
}

// Until the server looks at signals itself: what has been made by then is removed in order.
void watch_for_end(const std::vector<int>& ending_signals) {
  for (const int number : ending_signals) std::signal(number, note_end_wanted);
  // Who started this process may ignore it, and the kernel would then forget how children ended.
  std::signal(SIGCHLD, SIG_DFL);
}

// A second Ctrl-C, or one that a wrapper sends on, must not stop the removing, which is bounded.
void block_ending_signals() {
  sigset_t ending;
  ::sigemptyset(&ending);
  for (const int number : dev_ending_signals) ::sigaddset(&ending, number);
  ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
}

bool is_free(const server::listen_address& address) {
  using boost::asio::ip::tcp;
  boost::asio::io_context context(1);
  tcp::acceptor probe(context);
  boost::system::error_code failed;
  const tcp::endpoint endpoint(boost::asio::ip::make_address(address.address), address.port);
  probe.open(endpoint.protocol(), failed);
  if (!failed) probe.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) probe.bind(endpoint, failed);
  if (!failed) probe.listen(1, failed);
  return !failed;
}

// A port that nobody has asked for gives way where it is taken.
void avoid_taken_port(server::listen_address& address, std::uint16_t port_default) {
  if (address.port != port_default || is_free(address)) return;
  config::say(stderr, "pulse: {} uses port {}: Pulse uses another one\n",
              server::port_holder(address.port).value_or("another process"), address.port);
  address.port = 0;
}

// What is told once both have come: where the server listens, and that capture has begun.
class first_words {
 public:
  void serving_on(const server::bound_addresses& bound) {
    const std::scoped_lock lock(mutex_);
    bound_ = bound;
    changed_.notify_all();
  }
  // Nothing: a stop was requested before.
  std::optional<server::bound_addresses> wait(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [this] { return bound_.has_value(); });
    return bound_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<server::bound_addresses> bound_;
};

class dev_run {
 public:
  dev_run(config::server_config config, const dev_options& options, temporary_folder folder)
      : config_(std::move(config)), options_(options), folder_(std::move(folder)) {}

  result<void> prepare(const config::environment& variables);
  int serve(const std::vector<int>& ending_signals);
  // Of an own database; the rest goes with this.
  result<void> leave();

 private:
  config::project_config& project() { return config_.projects.front(); }
  result<void> prepare_database(const config::environment& variables);
  result<void> start_throwaway(const config::environment& variables);
  result<void> prepare_key(const config::environment& variables);
  void greet(const server::bound_addresses& bound, const std::stop_token& stop);
  bool show(std::string_view event, const std::stop_token& stop) const;

  config::server_config config_;
  dev_options options_;
  temporary_folder folder_;                       // outlives PostgreSQL, which lies in it
  std::unique_ptr<throwaway_postgres> postgres_;  // null: the database is the user's own
  std::string made_key_;
  bool in_use_ = false;  // the own database has been found fit: things may be made there
};

result<void> dev_run::prepare(const config::environment& variables) {
  project().name = config::dev_project;
  if (!project().retention_bytes) project().retention_bytes = dev_retention_bytes;
  config_.data_dir = folder_.path() / "data";
  if (auto key = prepare_key(variables); !key) return key;
  avoid_taken_port(config_.listen, server::streams_port_default);
  avoid_taken_port(config_.admin_listen, server::admin_port_default);
  return prepare_database(variables);
}

result<void> dev_run::prepare_key(const config::environment& variables) {
  if (project().api_key.empty())
    project().api_key = config::value_in_dotenv("PULSE_API_KEY", variables).value_or("");
  if (!project().api_key.empty()) return {};
  const auto made = control::make_key(config::dev_project, "");
  if (!made) return made.error();
  project().api_key = made_key_ = made->secret;
  return {};
}

result<void> dev_run::prepare_database(const config::environment& variables) {
  if (options_.throwaway || project().database_url.empty()) return start_throwaway(variables);
  if (!options_.json && !config_.dotenv.empty())
    config::say(stderr, "pulse: using the database in DATABASE_URL from {}\n", config_.dotenv);
  if (auto prepared = prepare_own_database(project()); !prepared) return prepared;
  in_use_ = true;
  return {};
}

result<void> dev_run::start_throwaway(const config::environment& variables) {
  std::error_code failure;
  const auto here = fs::current_path(failure);
  if (failure) {
    return error{errc::io, "cannot read the current folder: " + failure.message(),
                 "change to a folder that exists"};
  }
  forget_libpq_settings();
  const auto programs =
      find_postgres({here, own_program().parent_path(), variables("PATH").value_or("")});
  if (!programs) return programs.error();
  if (!options_.json)
    config::say(stderr, "pulse: starting a throwaway database with the PostgreSQL of {}\n",
                programs->folder.string());
  auto started = throwaway_postgres::start(*programs, folder_, [] { return dev_end_wanted != 0; });
  if (!started) return started.error();
  postgres_ = std::move(*started);
  project().database_url = postgres_->url();
  project().publication.clear();
  return {};
}

int dev_run::serve(const std::vector<int>& ending_signals) {
  first_words words;
  app::run_beside beside;
  beside.watcher = app::event_watcher{
      [&](const std::stop_token& stop) {
        if (const auto bound = words.wait(stop)) greet(*bound, stop);
      },
      [&](std::string_view event, const std::stop_token& stop) { return show(event, stop); }};
  beside.on_serving = [&](const server::bound_addresses& bound) {
    words.serving_on(bound);
    // What has come before the server has looked at signals.
    if (dev_end_wanted != 0) std::raise(SIGTERM);
  };
  beside.on_stopped = block_ending_signals;
  beside.ending_signals = ending_signals;
  return app::run_server(
      config_, [this]() -> result<config::server_config> { return config_; }, std::move(beside));
}

void dev_run::greet(const server::bound_addresses& bound, const std::stop_token& stop) {
  dev_facts facts;
  facts.project = project().name;
  facts.endpoint = (config_.tls.given() ? "wss://" : "ws://") +
                   server::to_string(server::reachable(bound.streams));
  facts.api_key = made_key_;
  const auto target = source::parse_database_url(project().database_url);
  facts.database = target ? target->display() : "";
  facts.throwaway_url = postgres_ ? postgres_->url() : "";
  facts.data_dir = config_.data_dir;
  write_line(options_.json ? greeting_for_scripts(facts) : greeting_for_people(facts), stop);
}

bool dev_run::show(std::string_view event, const std::stop_token& stop) const {
  const auto line = options_.json ? std::string(event)
                                  : shown(line_for_people(event, event_line_form::with_table));
  if (write_line(line, stop)) return true;
  // Nobody reads the events any more, as with `| head`.
  if (!stop.stop_requested()) ::kill(::getpid(), SIGTERM);
  return false;
}

result<void> dev_run::leave() {
  return in_use_ ? leave_own_database(project()) : result<void>();
}

int say_failure(const error& why) {
  config::say(stderr, "pulse: {}\n", why.message());
  return 1;
}

}  // namespace

int run_dev(config::server_config config, const dev_options& options,
            const config::environment& variables) {
  configure_logging(config.level, config.format);
  if (config.projects.size() != 1) {
    return say_failure({errc::invalid_argument, "the settings have several projects",
                        "`pulse dev` serves one database: name it with --database"});
  }
  std::error_code failure;
  const auto temporary = fs::temp_directory_path(failure);
  if (failure) {
    return say_failure({errc::io,
                        "cannot find the folder for temporary files: " + failure.message(),
                        "set TMPDIR to a folder that this user may write to"});
  }
  const auto ending_signals = signals_to_end_at();
  watch_for_end(ending_signals);
  remove_unused_folders(temporary);
  auto folder = temporary_folder::make(temporary);
  if (!folder) return say_failure(folder.error());
  dev_run run(std::move(config), options, std::move(*folder));
  if (const auto ready = run.prepare(variables); !ready) {
    block_ending_signals();
    return dev_end_wanted != 0 ? 0 : say_failure(ready.error());
  }
  const int code = run.serve(ending_signals);
  block_ending_signals();
  if (const auto left = run.leave(); !left) {
    return say_failure(wrap("cannot remove Pulse's objects from the database", left.error()));
  }
  return code;
}

}  // namespace pulse::commands
