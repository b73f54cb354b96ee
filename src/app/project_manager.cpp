#include "app/project_manager.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/logging.hpp"

namespace pulse::app {

namespace asio = boost::asio;

std::shared_ptr<server::project_service> project_manager::managed::service() const {
  switch (state) {
    case project_state::opening:
    case project_state::failed:
      return stand_in;
    case project_state::serving:
      return served;
    case project_state::closing:
      break;
  }
  return nullptr;
}

project_manager::project_manager(parts with)
    : with_(std::move(with)),
      openers_(std::make_shared<asio::thread_pool>(busy_max)),
      closers_(std::make_shared<asio::thread_pool>(busy_max)) {}

project_manager::~project_manager() {
  for (const auto& [name, one] : projects_) *one.unwanted = true;
  openers_->join();
  closers_->join();
  closers_.reset();
}

result<void> project_manager::add(const config::project_config& config) {
  if (stopping_)
    return error{errc::unavailable, "Pulse is shutting down", "add it to the next one"};
  if (const auto known = state(config.name)) {
    const bool closing = known == project_state::closing;
    return error{errc::conflict,
                 fmt::format("there is a project '{}'{}", config.name,
                             closing ? ", which is being removed" : ""),
                 closing ? "try again in a moment" : "choose another name"};
  }
  auto& one = projects_[config.name];
  one.config = config;
  one.stand_in = project_not_serving::opening(config.event_persistence);
  // Until it serves: one that hangs while it is opened is found by the same alert.
  open_gauge(config.name).Set(0);
  share_volume();
  with_.control->run(
      with_.delivery,
      [name = config.name](control::state_store& store) { return read_last_run(store, name); },
      [weak = weak_from_this(), name = config.name](result<last_run> before) {
        const auto self = weak.lock();
        if (!self) return;
        if (before) return self->open(name, std::move(*before));
        self->opened(name, {}, wrap("project " + name, before.error()));
      });
  return {};
}

void project_manager::open(const std::string& name, last_run before) {
  const auto& one = projects_.find(name)->second;
  asio::post(*openers_, [weak = weak_from_this(), delivery = with_.delivery, open = with_.open,
                         data_dir = with_.data_dir, config = one.config, unwanted = one.unwanted,
                         before = std::move(before)]() mutable {
    auto outcome = *unwanted ? result<opened_project>(error{errc::cancelled, "not wanted", {}})
                             : open(config, data_dir);
    asio::post(delivery, [weak, name = config.name, before = std::move(before),
                          outcome = std::move(outcome)]() mutable {
      if (const auto self = weak.lock()) self->opened(name, std::move(before), std::move(outcome));
    });
  });
}

void project_manager::opened(const std::string& name, last_run before,
                             result<opened_project> outcome) {
  auto& one = projects_.find(name)->second;
  if (one.state == project_state::closing) {
    if (!outcome) return gone(name);
    share(name, std::move(outcome->storage)).reset();
    return;
  }
  if (!outcome) return fail(one, outcome.error());
  serve(one, std::move(before), std::move(*outcome));
}

void project_manager::serve(managed& one, last_run before, opened_project opened) {
  const auto& name = one.config.name;
  project::parts to;
  to.config = one.config;
  to.data_dir = with_.data_dir;
  to.projects = size();
  to.delivery = with_.delivery;
  to.control = with_.control;
  to.figures = with_.figures;
  to.on_setup_refused = with_.on_setup_refused;
  to.watcher = with_.watcher;
  to.frames = frames_;
  to.before = std::move(before);
  to.target = std::move(opened.target);
  to.schema = std::move(opened.schema);
  to.storage = share(name, std::move(opened.storage));
  one.served = project::make(std::move(to));
  if (one.used_meanwhile) one.served->use(*one.used_meanwhile);
  one.stand_in.reset();
  one.state = project_state::serving;
  open_gauge(name).Set(1);
  one.served->start();
  if (with_.on_serving) with_.on_serving(*one.served);
}

void project_manager::fail(managed& one, const error& why) {
  one.state = project_state::failed;
  one.stand_in = project_not_serving::failed(one.config.event_persistence, why);
  open_gauge(one.config.name).Set(0);
  if (with_.on_failed) with_.on_failed(one.config.name, why);
}

// Hubs share it, and sessions share those: it is closed when the last of them has let it go, where
// closing keeps nobody waiting. Then nothing that it was for is left.
std::shared_ptr<project_storage> project_manager::share(const std::string& name,
                                                        std::unique_ptr<project_storage> storage) {
  auto close = [weak = weak_from_this(), closers = std::weak_ptr(closers_),
                delivery = with_.delivery, name](project_storage* last) {
    std::unique_ptr<project_storage> owned(last);
    const auto elsewhere = closers.lock();
    if (!elsewhere) return;
    asio::post(*elsewhere, [weak, delivery, name, owned = std::move(owned)]() mutable {
      owned.reset();
      asio::post(delivery, [weak, name] {
        if (const auto self = weak.lock()) self->gone(name);
      });
    });
  };
  return {storage.release(), std::move(close)};
}

void project_manager::remove(const std::string& name, std::function<void(result<void>)> done) {
  const auto found = projects_.find(name);
  if (found == projects_.end()) {
    return asio::post(with_.delivery, [name, done = std::move(done)] {
      done(error{errc::not_found, "there is no project '" + name + "'"});
    });
  }
  found->second.when_gone.emplace_back([done = std::move(done)] { done({}); });
  close(name, found->second, streams::end_reason::project_removed, "the project was removed");
}

void project_manager::stop(std::function<void()> done) {
  stopping_ = true;
  when_stopped_ = std::move(done);
  if (projects_.empty()) return asio::post(with_.delivery, std::exchange(when_stopped_, nullptr));
  // All at once: each may wait a moment for its database.
  for (const auto& [name, one] : projects_) {
    if (one.state == project_state::serving) one.served->begin_close();
  }
  for (auto& [name, one] : projects_)
    close(name, one, streams::end_reason::shutdown, "Pulse is shutting down");
}

void project_manager::close(const std::string& name, managed& one, streams::end_reason reason,
                            std::string_view message) {
  const auto before = std::exchange(one.state, project_state::closing);
  *one.unwanted = true;
  one.stand_in.reset();
  switch (before) {
    case project_state::opening:  // opened() goes on
    case project_state::closing:
      break;
    case project_state::failed:
      asio::post(with_.delivery, [weak = weak_from_this(), name] {
        if (const auto self = weak.lock()) self->gone(name);
      });
      break;
    case project_state::serving:
      one.served->close(reason, std::string(message), closers_->get_executor(),
                        [weak = weak_from_this(), name] {
                          if (const auto self = weak.lock())
                            self->projects_.find(name)->second.served.reset();
                        });
      break;
  }
}

void project_manager::gone(const std::string& name) {
  auto one = projects_.extract(name);
  if (!stopping_) {
    with_.figures->drop_labelled("project", name);
    share_volume();
    log_info("server", "a project was removed: what it has stored stays", {{"project", name}});
  }
  for (const auto& tell : one.mapped().when_gone) tell();
  if (stopping_ && projects_.empty() && when_stopped_) std::exchange(when_stopped_, nullptr)();
}

void project_manager::share_volume() {
  for (const auto& one : all_serving()) one->share_volume(size());
}

prometheus::Gauge& project_manager::open_gauge(const std::string& name) {
  return with_.figures->gauge(metric::project_open, name);
}

void project_manager::use(const config::project_config& config) {
  const auto found = projects_.find(config.name);
  if (found == projects_.end()) return;
  auto& one = found->second;
  if (one.state == project_state::serving) return one.served->use(config);
  if (one.state == project_state::opening) one.used_meanwhile = config;
}

bool project_manager::any_opening() const {
  return std::ranges::any_of(
      projects_, [](const auto& one) { return one.second.state == project_state::opening; });
}

std::optional<project_state> project_manager::state(const std::string& name) const {
  const auto found = projects_.find(name);
  return found == projects_.end() ? std::nullopt : std::optional(found->second.state);
}

result<std::shared_ptr<project>> project_manager::serving(const std::string& name) const {
  switch (state(name).value_or(project_state::closing)) {
    case project_state::opening:
      return project_is_opening();
    case project_state::serving:
      return projects_.find(name)->second.served;
    case project_state::failed:
      return project_is_stopped();
    case project_state::closing:
      break;
  }
  return error{errc::not_found, "there is no project '" + name + "'"};
}

std::vector<std::shared_ptr<project>> project_manager::all_serving() const {
  std::vector<std::shared_ptr<project>> all;
  for (const auto& [name, one] : projects_) {
    if (one.state == project_state::serving) all.push_back(one.served);
  }
  return all;
}

std::shared_ptr<server::project_service> project_manager::find(std::string_view name) const {
  const auto found = projects_.find(name);
  return found == projects_.end() ? nullptr : found->second.service();
}

std::vector<std::pair<std::string, std::shared_ptr<server::project_service>>> project_manager::all()
    const {
  std::vector<std::pair<std::string, std::shared_ptr<server::project_service>>> all;
  for (const auto& [name, one] : projects_) {
    if (auto service = one.service()) all.emplace_back(name, std::move(service));
  }
  return all;
}

}  // namespace pulse::app
