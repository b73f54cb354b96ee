#include "app/server_run.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include "app/admin.hpp"
#include "app/data_dir.hpp"
#include "app/project.hpp"
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
  explicit running_server(const server_config& config) : config_(config) {}

  result<void> start();
  int run();

 private:
  result<void> open_state();
  result<void> prepare_keys(control::state_store& store);
  result<void> open_projects(control::state_store& store);
  void say_where_to_connect(const server::bound_addresses& bound);
  void setup_refused(const error& why);
  void stop();

  const server_config& config_;
  asio::io_context delivery_{1};
  metrics figures_;
  control::key_ring keys_;
  std::shared_ptr<control::control_thread> control_;
  std::string admin_token_;
  std::string new_key_;
  project_map projects_;
  std::unique_ptr<registry> registry_;
  std::unique_ptr<admin> admin_;
  std::unique_ptr<server::server> server_;
  std::unique_ptr<asio::signal_set> signals_;
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
  options.unsent_low_bytes = config_.limits.unsent_bytes_max / 2;
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
  return {};
}

result<void> running_server::open_state() {
  auto store =
      control::state_store::open((config_.data_dir / "pulse.db").string(), system_clock_source());
  if (!store) return store.error();
  if (auto prepared = prepare_keys(*store); !prepared) return prepared;
  return open_projects(*store);
}

// The user's own key, or one that is made when the first project has none.
result<void> running_server::prepare_keys(control::state_store& store) {
  auto keys = store.keys();
  if (!keys) return keys.error();
  const auto& first = config_.projects.front().name;
  const bool has_key = std::ranges::any_of(
      *keys, [&](const auto& key) { return key.project == first && !key.revoked_at.has_value(); });
  if (!config_.api_key.empty()) {
    auto own = control::adopt_key(first, "from the settings", config_.api_key);
    if (!own) return own.error();
    for (const auto& key : *keys) {
      if (key.project != first || !key.id.starts_with("own-")) continue;
      if (key.id == own->stored.id && key.revoked_at) {
        return error{errc::conflict, "the API key in the settings (" + key.id + ") was revoked",
                     "choose another"};
      }
      if (key.id == own->stored.id || key.revoked_at) continue;
      // Another one in the settings takes the place of the last.
      if (auto revoked = store.revoke_key(first, key.id); !revoked) return revoked;
      log_info("server", "the settings have another API key: the earlier one is revoked",
               {{"project", first}, {"key", key.id}});
    }
    if (auto added = store.add_key(own->stored); !added) return added;
  } else if (!has_key) {
    auto made = control::make_key(first, "made at the first start");
    if (!made) return made.error();
    if (auto added = store.add_key(made->stored); !added) return added;
    new_key_ = made->secret;
  }
  keys = store.keys();
  if (!keys) return keys.error();
  keys_.replace(std::move(*keys));
  return {};
}

result<void> running_server::open_projects(control::state_store& store) {
  struct last_run {
    std::string system_identifier;
    std::shared_ptr<const catalog> known;
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
    before[config.name] = std::move(one);
  }
  control_ = std::make_shared<control::control_thread>(std::move(store));
  for (const auto& config : config_.projects) {
    project::parts parts;
    parts.config = config;
    parts.limits = config_.limits;
    parts.data_dir = config_.data_dir;
    parts.delivery = delivery_.get_executor();
    parts.control = control_;
    parts.figures = &figures_;
    parts.on_setup_refused = [this](const error& why) { setup_refused(why); };
    parts.system_identifier = before[config.name].system_identifier;
    parts.last_catalog = before[config.name].known;
    auto opened = project::open(std::move(parts));
    if (!opened) return opened.error();
    projects_.emplace(config.name, std::move(*opened));
  }
  return {};
}

void running_server::say_where_to_connect(const server::bound_addresses& bound) {
  for (const auto& [name, one] : projects_) {
    log_info("server", "serving",
             {{"project", name},
              {"database", one->target().display()},
              {"streams", "ws://" + server::to_string(bound.streams)},
              {"admin", "http://" + server::to_string(bound.admin)},
              {"data_dir", config_.data_dir.string()},
              {"event_persistence", one->event_persistence() ? "on" : "off"}});
  }
  if (new_key_.empty()) return;
  // Shown to a person once; into a file, a pipe or a service's journal no secret is written.
  if (::isatty(STDERR_FILENO) == 1) {
    fmt::print(stderr, "\n  API key of project {} (shown once): {}\n\n",
               config_.projects.front().name, new_key_);
  } else {
    const auto path = config_.data_dir / "api-key";
    if (const auto written = write_private_file(path, new_key_ + "\n"); written) {
      log_info("server",
               "made an API key: it stands in a file that only this user can read; take it from "
               "there, then "
               "remove the file",
               {{"project", config_.projects.front().name}, {"file", path.string()}});
    } else {
      log_error("server", "the API key that was made could not be written",
                {{"reason", written.error().message()},
                 {"next", "make another with `pulse keys create`"}});
    }
  }
  new_key_.clear();
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

int run_server(const server_config& config) {
  configure_logging(config.level, config.format);
  // A consumer that is gone must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  running_server server(config);
  if (const auto started = server.start(); !started) {
    log_error("server", "cannot start", {{"reason", started.error().message()}});
    return 1;
  }
  return server.run();
}

}  // namespace pulse::app
