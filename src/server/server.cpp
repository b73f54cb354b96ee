#include "server/server.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/logging.hpp"
#include "server/context.hpp"
#include "server/listener.hpp"

namespace pulse::server {

struct server::impl : std::enable_shared_from_this<impl> {
  explicit impl(const boost::asio::any_io_executor& on) : executor(on), timer(on) {}

  boost::asio::any_io_executor executor;
  boost::asio::steady_timer timer;
  std::shared_ptr<server_context> context;
  std::shared_ptr<listener> streams;
  std::shared_ptr<listener> admin;
  // In this order.
  enum class stage { serving, settling, draining, closing };
  stage at = stage::serving;
  std::chrono::steady_clock::time_point stage_deadline;
  std::chrono::steady_clock::time_point stop_deadline;
  std::chrono::milliseconds stop_limit{0};
  std::function<void()> when_stopped;
  bool over = false;

  // While stopping more often: somebody waits for it.
  static constexpr std::chrono::milliseconds stopping_tick{20};

  void schedule_tick() {
    const auto interval = context->options.tick_interval;
    timer.expires_after(at == stage::serving ? interval : std::min(stopping_tick, interval));
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
      const auto self = weak.lock();
      if (!cancelled && self && !self->over) self->tick();
    });
  }

  void tick() {
    const auto now = context->now();
    context->lines.tick(now);
    for (const auto& one : context->connections.members()) one->tick(now);
    for (const auto& [name, project] : context->registry->projects()) project->tick(now);
    context->figures.open_connections.Set(static_cast<double>(context->connections.size()));
    if (at != stage::serving && go_on_stopping(now)) return;
    schedule_tick();
  }

  // True once it is over.
  bool go_on_stopping(std::chrono::steady_clock::time_point now) {
    if (at == stage::settling && (!any_busy(now) || now >= stage_deadline)) {
      at = stage::draining;
      context->stopping = true;
      for (const auto& one : context->connections.members()) one->quiesce();
      // Closing takes time too.
      stage_deadline = stop_deadline - std::min(context->options.closing_timeout, stop_limit / 2);
    }
    if (at == stage::draining && (!any_busy(now) || now >= stage_deadline)) {
      at = stage::closing;
      for (const auto& one : context->connections.members()) one->shut_down();
    }
    return at == stage::closing && check_stopped(now);
  }

  bool any_busy(std::chrono::steady_clock::time_point now) const {
    return std::ranges::any_of(context->connections.members(),
                               [&](const auto& one) { return one->busy(now); });
  }

  bool check_stopped(std::chrono::steady_clock::time_point now) {
    const auto left = context->connections.size();
    if (left != 0 && now < stop_deadline) return false;
    if (left != 0) {
      log_warning("server", "connections cut: they did not close in time", {{"connections", left}});
      cut();
    }
    over = true;
    context->lines.tick(std::chrono::steady_clock::time_point::max());
    std::exchange(when_stopped, nullptr)();
    return true;
  }

  void cut() const {
    for (const auto& one : context->connections.members()) one->abort();
  }

  void stop_listening() const {
    if (streams) streams->stop();
    if (admin) admin->stop();
  }
};

server::server(const boost::asio::any_io_executor& executor)
    : impl_(std::make_shared<impl>(executor)) {}

server::~server() {
  impl_->over = true;
  impl_->timer.cancel();
  impl_->stop_listening();
  if (impl_->context) impl_->cut();
}

result<bound_addresses> server::start(server_options options, service_registry& registry,
                                      admin_backend& backend, metrics& figures, host_factory hosts,
                                      listening_sockets sockets) {
  auto context = std::make_shared<server_context>(std::move(options), registry, backend, figures);
  context->executor = impl_->executor;
  if (hosts) context->host_of = std::move(hosts);
  if (context->options.tls.given()) {
    auto tls = tls_context::load(context->options.tls);
    if (!tls) return tls.error();
    context->tls = std::move(tls).value();
  }
  auto streams = listener::open(impl_->executor, context, context->options.listen,
                                std::move(sockets.streams), surface::streams);
  if (!streams) return streams.error();
  auto admin = listener::open(impl_->executor, context, context->options.admin_listen,
                              std::move(sockets.admin), surface::admin);
  if (!admin) return admin.error();
  impl_->context = std::move(context);
  impl_->streams = std::move(streams).value();
  impl_->admin = std::move(admin).value();
  impl_->streams->start();
  impl_->admin->start();
  impl_->schedule_tick();
  return bound_addresses{impl_->streams->bound(), impl_->admin->bound()};
}

result<void> server::use_tls(const tls_files& files) {
  auto tls = tls_context::load(files);
  if (!tls) return tls.error();
  impl_->context->tls = std::move(tls).value();
  return {};
}

void server::use_limits(std::size_t connections_max, std::size_t connections_per_address_max,
                        std::size_t failed_keys_per_minute,
                        std::chrono::milliseconds silence_timeout) {
  auto& options = impl_->context->options;
  options.connections_max = connections_max;
  options.connections_per_address_max = connections_per_address_max;
  options.failed_keys_per_minute = failed_keys_per_minute;
  options.silence_before_ping = silence_timeout / 2;
  options.silence_after_ping = silence_timeout - silence_timeout / 2;
}

void server::end_sessions_of_key(std::string_view key_id) {
  if (impl_->context) pulse::server::end_sessions_of_key(*impl_->context, key_id);
}

void server::stop(std::chrono::milliseconds limit, std::function<void()> done) {
  if (!impl_->context || impl_->over) {
    boost::asio::post(impl_->executor, std::move(done));
    return;
  }
  const auto now = impl_->context->now();
  impl_->at = impl::stage::settling;
  impl_->stage_deadline = now + std::min(impl_->context->options.settling_timeout, limit);
  impl_->stop_limit = limit;
  impl_->stop_deadline = now + limit;
  impl_->when_stopped = std::move(done);
  impl_->stop_listening();
  impl_->schedule_tick();
}

listening_sockets server::release_sockets() {
  listening_sockets released;
  if (impl_->streams) released.streams = std::exchange(impl_->streams, nullptr)->release();
  if (impl_->admin) released.admin = std::exchange(impl_->admin, nullptr)->release();
  return released;
}

}  // namespace pulse::server
