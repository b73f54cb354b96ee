#include "app/server_run.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <string_view>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include "app/admin.hpp"
#include "app/data_dir.hpp"
#include "app/program_figures.hpp"
#include "app/project_keys.hpp"
#include "app/project_manager.hpp"
#include "app/registry.hpp"
#include "app/server_checks.hpp"
#include "app/successor.hpp"
#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "config/config_changes.hpp"
#include "config/prisma_schema_file.hpp"
#include "config/terminal.hpp"
#include "server/listening_socket.hpp"
#include "server/server.hpp"
#include "source/database_url.hpp"

namespace pulse::app {

namespace asio = boost::asio;

namespace {

// How long an orderly end may take for those who are connected.
constexpr std::chrono::seconds stop_limit{5};
// With a successor nobody is refused meanwhile, and a consumer that is cut off with events in hand
// may not find back: more time.
constexpr std::chrono::seconds hand_over_limit{20};
// With several projects, how long one whose log takes longer to read keeps the others from their
// consumers. Most have been opened by then, and refuse nobody who comes at once.
constexpr std::chrono::seconds opening_patience{1};

// Of the last moments, when the loop turns no more.
volatile std::sig_atomic_t ending_signal = 0;

void note_ending_signal(int number) {
  ending_signal = number;
}

// The parts in the order in which they depend on each other; the delivery thread is the one that
// calls run().
class running_server {
 public:
  running_server(config::server_config config,
                 std::function<result<config::server_config>()> read_config, program_start started,
                 run_beside beside)
      : config_(std::move(config)),
        read_config_(std::move(read_config)),
        beside_(std::move(beside)),
        started_(std::move(started)) {}

  result<void> start(server::listening_sockets sockets);
  int run();

 private:
  result<void> open_state();
  result<void> open_projects();
  result<void> wait_for_projects();
  void cannot_open(const std::string& name, const error& why);
  std::string scheme(std::string_view plain) const;
  void say_where_to_connect(const project& one) const;
  void setup_refused(const error& why);
  bool only_project() const { return config_.projects.size() == 1; }
  void wait_for_reload();
  void reload();
  void wait_for_hand_over();
  void hand_over();
  void look_for_hand_over();
  void stop(std::chrono::milliseconds limit);
  void finish();

  config::server_config config_;
  std::function<result<config::server_config>()> read_config_;
  run_beside beside_;
  metrics figures_;
  asio::io_context delivery_{1};
  // It turns, also with nothing to do, until finish() stops it.
  asio::executor_work_guard<asio::io_context::executor_type> turns_{delivery_.get_executor()};
  control::key_ring keys_;
  std::shared_ptr<control::control_thread> control_;
  std::string admin_token_;
  std::vector<new_key> new_keys_;
  std::shared_ptr<project_manager> projects_;
  std::optional<error> only_project_failed_;
  std::unique_ptr<registry> registry_;
  std::unique_ptr<admin> admin_;
  std::unique_ptr<server::server> server_;
  std::optional<server::bound_addresses> bound_;
  std::unique_ptr<asio::signal_set> signals_;
  asio::signal_set reload_signal_{delivery_, SIGHUP};
  asio::signal_set hand_over_signal_{delivery_, SIGUSR2};
  program_start started_;
  server::listening_sockets kept_;  // for the successor
  bool hand_over_waits_ = false;
  bool checking_successor_ = false;
  bool has_successor_ = false;
  bool stopping_ = false;
  int exit_code_ = 0;
};

result<void> running_server::start(server::listening_sockets sockets) {
  // What whoever starts it has got wrong is not begun with; what is found stored is another matter.
  if (auto good = check_projects(config_); !good) return good;
  if (auto prepared = prepare_data_dir(config_.data_dir); !prepared) return prepared;
  auto token = prepare_admin_token(config_.data_dir, config_.admin_token);
  if (!token) return token.error();
  admin_token_ = std::move(*token);
  if (auto opened = open_state(); !opened) return opened;
  if (auto opened = open_projects(); !opened) return opened;

  registry_ = std::make_unique<registry>(*projects_, keys_);
  admin_ = std::make_unique<admin>(*projects_, keys_, control_, delivery_.get_executor());
  server_ = std::make_unique<server::server>(delivery_.get_executor());
  server::server_options options;
  options.listen = config_.listen;
  options.admin_listen = config_.admin_listen;
  options.admin_token = admin_token_;
  options.admin_hosts = config_.admin_hosts;
  options.connections_max = config_.connections_max;
  options.connections_per_address_max = config_.connections_per_address_max;
  options.failed_keys_per_minute = config_.failed_keys_per_minute;
  options.unsent_low_bytes = config_.unsent_bytes_max / 2;
  options.tls = config_.tls;
  options.compression = config_.compression;
  options.silence_before_ping = std::chrono::milliseconds(config_.silence_timeout) / 2;
  options.silence_after_ping = options.silence_before_ping;
  const auto bound = server_->start(options, *registry_, *admin_, figures_, {}, std::move(sockets));
  if (!bound) return bound.error();
  bound_ = *bound;
  write_admin_url(config_.data_dir,
                  scheme("http") + server::to_string(server::reachable(bound->admin)));
  for (const auto& one : projects_->all_serving()) say_where_to_connect(*one);
  hand_out(std::exchange(new_keys_, {}), config_.data_dir, only_project());
  tell_of_program(figures_, system_clock_source().now());

  signals_ = std::make_unique<asio::signal_set>(delivery_);
  for (const int number : beside_.ending_signals) signals_->add(number);
  signals_->async_wait([this](const boost::system::error_code& cancelled, int /*number*/) {
    if (cancelled) return;
    has_successor_ = false;
    stop(stop_limit);
  });
  wait_for_reload();
  wait_for_hand_over();
  if (beside_.on_serving) beside_.on_serving(*bound);
  return {};
}

void running_server::wait_for_reload() {
  reload_signal_.async_wait([this](const boost::system::error_code& cancelled, int /*number*/) {
    if (cancelled) return;
    reload();
    wait_for_reload();
  });
}

// What cannot be taken while running is named; what can is taken.
void running_server::reload() {
  auto wanted = read_config_();
  if (!wanted) {
    log_error("config", "configuration invalid: nothing changes",
              {{"reason", wanted.error().message()}});
    return;
  }
  for (const auto& name : config::changes_for_a_restart(config_, *wanted)) {
    log_warning("config", "changed setting ignored: it applies at the next start",
                {{"setting", name}});
  }
  if (config_.tls.given() && wanted->tls.given()) {
    if (auto used = server_->use_tls(wanted->tls); !used) {
      log_error("config", "certificate not changed: the new one is invalid",
                {{"reason", used.error().message()}});
    }
  }
  configure_logging(wanted->level, wanted->format);
  server_->use_limits(wanted->connections_max, wanted->connections_per_address_max,
                      wanted->failed_keys_per_minute, wanted->silence_timeout);
  for (const auto& project : wanted->projects) projects_->use(project);
  log_info("config", "configuration read again");
}

void running_server::wait_for_hand_over() {
  hand_over_signal_.async_wait([this](const boost::system::error_code& cancelled, int /*number*/) {
    if (cancelled) return;
    hand_over();
    wait_for_hand_over();
  });
}

// Nothing is let go before it is known that the next program can take it. What is being opened
// would be opened once more, and those that are served would wait for it.
void running_server::hand_over() {
  hand_over_waits_ = !stopping_ && projects_->any_opening();
  if (hand_over_waits_) log_info("server", "hand-over waits until all projects are opened");
  if (hand_over_waits_ || stopping_ || std::exchange(checking_successor_, true)) return;
  log_info("server", "hand-over requested: checking the next program",
           {{"program", started_.program.string()}});
  check_successor(started_, delivery_.get_executor(), [this](const result<void>& good) {
    checking_successor_ = false;
    if (!good) {
      log_error("server", "hand-over cancelled: this process keeps serving",
                {{"reason", good.error().message()}});
      return;
    }
    if (stopping_) return;
    has_successor_ = true;
    kept_ = server_->release_sockets();
    stop(hand_over_limit);
  });
}

void running_server::look_for_hand_over() {
  asio::post(delivery_, [this] {
    if (hand_over_waits_ && !projects_->any_opening()) hand_over();
  });
}

result<void> running_server::open_state() {
  auto store =
      control::state_store::open((config_.data_dir / "pulse.db").string(), system_clock_source());
  if (!store) return store.error();
  auto made = prepare_keys(*store, config_.projects);
  if (!made) return made.error();
  new_keys_ = std::move(*made);
  auto keys = store->keys();
  if (!keys) return keys.error();
  keys_.replace(std::move(*keys));
  control_ = std::make_shared<control::control_thread>(std::move(*store));
  return {};
}

result<void> running_server::open_projects() {
  project_manager::parts parts;
  parts.data_dir = config_.data_dir;
  parts.delivery = delivery_.get_executor();
  parts.control = control_;
  parts.figures = &figures_;
  parts.watcher = beside_.watcher;
  parts.on_serving = [this](const project& one) {
    say_where_to_connect(one);
    look_for_hand_over();
  };
  parts.on_failed = [this](const std::string& name, const error& why) {
    cannot_open(name, why);
    look_for_hand_over();
  };
  parts.on_setup_refused = [this](const error& why) { setup_refused(why); };
  projects_ = std::make_shared<project_manager>(std::move(parts));
  for (const auto& config : config_.projects) {
    if (auto added = projects_->add(config); !added) return added;
  }
  return wait_for_projects();
}

// Nothing listens meanwhile, and who connects to a socket that was handed over waits. A project
// that is alone has nobody to keep waiting but its own consumers.
result<void> running_server::wait_for_projects() {
  const auto until = std::chrono::steady_clock::now() + opening_patience;
  while (projects_->any_opening()) {
    if (only_project()) {
      delivery_.run_one();
    } else if (delivery_.run_one_until(until) == 0) {
      break;
    }
  }
  if (only_project_failed_) return *only_project_failed_;
  return {};
}

// One that cannot be opened is nobody else's affair; with one project there is nobody else.
void running_server::cannot_open(const std::string& name, const error& why) {
  if (only_project()) {
    only_project_failed_ = why;
    return;
  }
  log_error("log", "project not opened: it is stopped until Pulse is restarted",
            {{"project", name}, {"reason", why.what}, {"next", why.next}});
}

std::string running_server::scheme(std::string_view plain) const {
  return std::string(plain) + (config_.tls.given() ? "s" : "") + "://";
}

// Of each once it serves and the addresses are known.
void running_server::say_where_to_connect(const project& one) const {
  if (!bound_) return;
  log_info("server", "serving",
           {{"project", one.name()},
            {"database", one.target().display()},
            {"streams", scheme("ws") + server::to_string(bound_->streams)},
            {"admin", scheme("http") + server::to_string(bound_->admin)},
            {"data_dir", config_.data_dir.string()},
            {"event_persistence", one.event_persistence() ? "on" : "off"}});
}

// With one project there is nobody to go on for, and whoever has started it waits for an answer;
// with several, the others go on, and this one is tried again.
void running_server::setup_refused(const error& why) {
  if (!only_project() || stopping_) return;
  log_error("setup", "cannot begin", {{"reason", why.what}});
  // For people to copy: a log line would escape the SQL's quotes.
  if (config_.format == log_format::text) config::say(stderr, "\n{}\n\n", why.next);
  exit_code_ = 1;
  stop(stop_limit);
}

void running_server::stop(std::chrono::milliseconds limit) {
  if (std::exchange(stopping_, true)) return;
  log_info("server", has_successor_ ? "making way" : "shutting down");
  // Connections first: their last acknowledgements count. Then capture, then the cursors.
  server_->stop(limit, [this] {
    admin_->stop_reading();
    projects_->stop([this] { finish(); });
  });
}

// Nobody looks at signals from here on: one that comes is noted, and one that has come is looked at
// before the end, since the loop turns once between the two.
void running_server::finish() {
  for (const int number : beside_.ending_signals) std::signal(number, note_ending_signal);
  asio::post(delivery_, [this] { asio::post(delivery_, [this] { delivery_.stop(); }); });
}

int running_server::run() {
  delivery_.run();
  server_.reset();
  admin_.reset();  // what still reads the logs has ended
  projects_.reset();
  control_.reset();
  log_info("server", "stopped");
  if (beside_.on_stopped) beside_.on_stopped();
  // Now one ends the process at once, here or where the next program begins.
  for (const int number : beside_.ending_signals) std::signal(number, SIG_DFL);
  if (!has_successor_ || ending_signal != 0) return exit_code_;
  log_error("server", "no next program", {{"reason", become_successor(started_, kept_).message()}});
  return 1;
}

}  // namespace

int run_server(const config::server_config& config,
               std::function<result<config::server_config>()> read_config, run_beside beside) {
  configure_logging(config.level, config.format);
  // A consumer that is gone must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  const auto cannot_start = [](const error& why) {
    log_error("server", "cannot start", {{"reason", why.message()}});
    return 1;
  };
  auto started = this_program_start();
  if (!started) return cannot_start(started.error());
  auto sockets = server::inherited_sockets();
  if (!sockets) return cannot_start(sockets.error());
  if (const auto good = check_sockets(*sockets, config); !good) return cannot_start(good.error());
  running_server server(config, std::move(read_config), std::move(*started), std::move(beside));
  if (const auto begun = server.start(std::move(*sockets)); !begun)
    return cannot_start(begun.error());
  return server.run();
}

int check_server(const config::server_config& config) {
  const auto good = check_parts(config);
  if (!good) config::say(stderr, "pulse: {}\n", good.error().message());
  return good ? 0 : 1;
}

}  // namespace pulse::app
