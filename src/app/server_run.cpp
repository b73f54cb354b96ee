#include "app/server_run.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include "app/admin.hpp"
#include "app/config_changes.hpp"
#include "app/data_dir.hpp"
#include "app/project.hpp"
#include "app/project_keys.hpp"
#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "control/catalog_json.hpp"
#include "server/server.hpp"

namespace pulse::app {

namespace asio = boost::asio;

namespace {

// How long an orderly end may take for those who are connected.
constexpr std::chrono::seconds stop_limit{5};

// The parts in the order in which they depend on each other; the delivery thread is the one that
// calls run().
class running_server {
 public:
  running_server(server_config config, std::function<result<server_config>()> read_config)
      : config_(std::move(config)), read_config_(std::move(read_config)) {}

  result<void> start();
  int run();

 private:
  result<void> open_state();
  result<void> open_projects(control::state_store& store);
  void say_where_to_connect(const server::bound_addresses& bound);
  void setup_refused(const error& why);
  void wait_for_reload();
  void reload();
  void stop();

  server_config config_;
  std::function<result<server_config>()> read_config_;
  asio::io_context delivery_{1};
  metrics figures_;
  control::key_ring keys_;
  std::shared_ptr<control::control_thread> control_;
  std::string admin_token_;
  std::vector<new_key> new_keys_;
  project_map projects_;
  std::unique_ptr<registry> registry_;
  std::unique_ptr<admin> admin_;
  std::unique_ptr<server::server> server_;
  std::unique_ptr<asio::signal_set> signals_;
  asio::signal_set reload_signal_{delivery_, SIGHUP};
  bool stopping_ = false;
  int exit_code_ = 0;
};

result<void> running_server::start() {
  if (auto prepared = prepare_data_dir(config_.data_dir); !prepared) return prepared;
  auto token = prepare_admin_token(config_.data_dir, config_.admin_token);
  if (!token) return token.error();
  admin_token_ = std::move(*token);
  if (auto opened = open_state(); !opened) return opened;

  registry_ = std::make_unique<registry>(projects_, keys_);
  admin_ = std::make_unique<admin>(projects_, keys_, control_, delivery_.get_executor());
  server_ = std::make_unique<server::server>(delivery_.get_executor());
  server::server_options options;
  options.listen = config_.listen;
  options.admin_listen = config_.admin_listen;
  options.admin_token = admin_token_;
  options.connections_max = config_.connections_max;
  options.unsent_low_bytes = config_.unsent_bytes_max / 2;
  options.tls = config_.tls;
  options.compression = config_.compression;
  options.silence_before_ping = std::chrono::milliseconds(config_.silence_timeout) / 2;
  options.silence_after_ping = options.silence_before_ping;
  for (const auto& [name, one] : projects_) one->start();
  const auto bound = server_->start(options, *registry_, *admin_, figures_);
  if (!bound) return bound.error();
  say_where_to_connect(*bound);

  signals_ = std::make_unique<asio::signal_set>(delivery_, SIGTERM, SIGINT);
  signals_->async_wait([this](const boost::system::error_code& cancelled, int /*number*/) {
    if (!cancelled) stop();
  });
  wait_for_reload();
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
    log_error("config", "the configuration cannot be used: nothing changes",
              {{"reason", wanted.error().message()}});
    return;
  }
  for (const auto& name : changes_for_a_restart(config_, *wanted)) {
    log_warning("config", "a changed setting is taken at the next start only", {{"setting", name}});
  }
  if (config_.tls.given() && wanted->tls.given()) {
    if (auto used = server_->use_tls(wanted->tls); !used) {
      log_error("config", "the certificate stays what it was",
                {{"reason", used.error().message()}});
    }
  }
  configure_logging(wanted->level, wanted->format);
  server_->use_limits(wanted->connections_max, wanted->silence_timeout);
  for (const auto& project : wanted->projects) {
    if (const auto found = projects_.find(project.name); found != projects_.end())
      found->second->use(project);
  }
  log_info("config", "the configuration was read again");
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
  return open_projects(*store);
}

result<void> running_server::open_projects(control::state_store& store) {
  struct last_run {
    std::string system_identifier;
    std::shared_ptr<const catalog> known;
    std::vector<control::stored_cursor> cursors;
  };
  std::map<std::string, last_run> before;
  for (const auto& config : config_.projects) {
    last_run one;
    const auto identifier = store.fact(config.name, "system_identifier");
    if (!identifier) return identifier.error();
    one.system_identifier = identifier->value_or("");
    const auto stored = store.fact(config.name, "catalog");
    if (!stored) return stored.error();
    if (*stored) {
      if (auto known = control::catalog_from_json(**stored)) {
        one.known = *known;
      } else {
        log_warning("state", known.error().what,
                    {{"project", config.name}, {"next", known.error().next}});
      }
    }
    auto cursors = store.cursors(config.name);
    if (!cursors) return cursors.error();
    one.cursors = std::move(*cursors);
    before[config.name] = std::move(one);
  }
  control_ = std::make_shared<control::control_thread>(std::move(store));
  for (const auto& config : config_.projects) {
    project::parts parts;
    parts.config = config;
    parts.data_dir = config_.data_dir;
    parts.delivery = delivery_.get_executor();
    parts.control = control_;
    parts.figures = &figures_;
    parts.on_setup_refused = [this](const error& why) { setup_refused(why); };
    parts.system_identifier = before[config.name].system_identifier;
    parts.last_catalog = before[config.name].known;
    parts.cursors = std::move(before[config.name].cursors);
    auto opened = project::open(std::move(parts));
    if (!opened) return opened.error();
    projects_.emplace(config.name, std::move(*opened));
  }
  return {};
}

void running_server::say_where_to_connect(const server::bound_addresses& bound) {
  const std::string encrypted = config_.tls.given() ? "s" : "";
  for (const auto& [name, one] : projects_) {
    log_info("server", "serving",
             {{"project", name},
              {"database", one->target().display()},
              {"streams", "ws" + encrypted + "://" + server::to_string(bound.streams)},
              {"admin", "http" + encrypted + "://" + server::to_string(bound.admin)},
              {"data_dir", config_.data_dir.string()},
              {"event_persistence", one->event_persistence() ? "on" : "off"}});
  }
  hand_out(std::exchange(new_keys_, {}), config_.data_dir, projects_.size() == 1);
}

// With one project there is nobody to go on for, and whoever has started it waits for an answer;
// with several, the others go on, and this one is tried again.
void running_server::setup_refused(const error& why) {
  if (projects_.size() != 1 || stopping_) return;
  log_error("setup", "cannot begin", {{"reason", why.what}});
  // For people to copy: a log line would escape the SQL's quotes.
  if (config_.format == log_format::text) fmt::print(stderr, "\n{}\n\n", why.next);
  exit_code_ = 1;
  stop();
}

void running_server::stop() {
  if (std::exchange(stopping_, true)) return;
  log_info("server", "shutting down");
  // Connections first: their last acknowledgements count. Then capture, then the cursors.
  server_->stop(stop_limit, [this] {
    const auto left = std::make_shared<std::size_t>(projects_.size());
    for (const auto& [name, one] : projects_) {
      one->stop([this, left] {
        if (--*left == 0) delivery_.stop();
      });
    }
  });
}

int running_server::run() {
  delivery_.run();
  projects_.clear();
  control_.reset();
  log_info("server", "stopped");
  return exit_code_;
}

}  // namespace

int run_server(const server_config& config, std::function<result<server_config>()> read_config) {
  configure_logging(config.level, config.format);
  // A consumer that is gone must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  running_server server(config, std::move(read_config));
  if (const auto started = server.start(); !started) {
    log_error("server", "cannot start", {{"reason", started.error().message()}});
    return 1;
  }
  return server.run();
}

}  // namespace pulse::app
