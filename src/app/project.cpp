#include "app/project.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include <boost/asio/post.hpp>

#include "app/cursor_keeper.hpp"
#include "app/volume_share.hpp"
#include "base/logging.hpp"
#include "config/prisma_schema_file.hpp"

namespace pulse::app {

namespace asio = boost::asio;

namespace {

// A cursor is near its end when its next event would be gone if so much of retention were kept.
constexpr int expiry_near_percent = 80;
// Each name that is behind then costs one reading of the log.
constexpr std::chrono::minutes expiry_look_interval{1};

std::uint64_t volume_bytes(const std::filesystem::path& directory) {
  std::error_code failure;
  const auto space = std::filesystem::space(directory, failure);
  constexpr std::uint64_t otherwise = std::uint64_t{50} << 30U;
  return failure ? otherwise : space.capacity;
}

}  // namespace

std::shared_ptr<project> project::make(parts with) {
  std::shared_ptr<project> made(new project(std::move(with)));
  auto& given = made->with_;
  made->catalog_ = given.before.known;
  made->cursors_ =
      std::make_shared<cursor_keeper>(given.config.name, given.delivery, given.control);
  made->open_hub();
  made->gaps_ = std::make_shared<capture::gap_keeper>(
      capture::gap_keeper::parts{given.config.name, given.delivery, given.control, given.figures,
                                 made->hub_.get(), given.config.goes_on_at_gaps},
      given.before.gaps);
  made->figures_.emplace(*given.figures, given.config.name, given.data_dir,
                         given.storage->log->bounds());
  made->figures_->use_limits(made->retention().bytes_max, given.config.storage_max);
  return made;
}

void project::open_hub() {
  struct kept {
    std::shared_ptr<project_storage> storage;
    std::shared_ptr<streams::cursor_store> cursors;
  };
  const auto& storage = *with_.storage;
  streams::hub::parts to;
  to.executor = with_.delivery;
  to.log = storage.log.get();
  to.relations = storage.relations.get();
  to.cursors = cursors_.get();
  to.figures = with_.figures;
  to.project = name();
  to.frames = with_.frames;
  to.on_damage = [weak = weak_from_this()](const log::damaged_stretch& lost,
                                           std::function<void(result<void>)> done) {
    if (const auto self = weak.lock()) self->record_damage(lost, std::move(done));
  };
  if (waits_for_visibility()) to.deliverable = &storage.deliverable;
  to.keeps = std::make_shared<const kept>(kept{with_.storage, cursors_});
  hub_ = std::make_shared<streams::hub>(std::move(to), with_.config.limits);
  pulls_ = std::make_shared<streams::pulls>(
      streams::pulls::parts{with_.delivery, hub_, with_.figures, name()});
  if (with_.config.event_persistence) {
    for (const auto& one : std::exchange(with_.before.cursors, {})) {
      const streams::cursor_key key{one.table, one.name};
      hub_->know({key, one.at, one.used_at, one.abandoned_at.has_value(), one.lease});
      pulls_->restore(key, one.lease);
    }
  }
  hub_->use_history(with_.before.whose.history);
}

project::~project() {
  // Both threads tell it of their progress until they end, or nobody listens.
  if (capture_) capture_->stop();
  with_.storage->news.tell({});
}

// Unless it is said how much is kept, old events make room for new ones before the quota is
// reached.
log::retention_policy project::retention() const {
  const auto& config = with_.config;
  auto bytes_max = share_of_volume(volume_bytes(with_.data_dir), with_.projects);
  if (config.storage_max) {
    bytes_max = std::min(bytes_max, *config.storage_max - 2 * config.segment_bytes);
  }
  return {config.retention_age, config.retention_bytes.value_or(bytes_max), {}};
}

void project::skip_change(lsn at, std::function<void(result<control::stored_gap>)> done) {
  capture_->skip(at, [weak = weak_from_this(), delivery = with_.delivery,
                      done = std::move(done)](const result<history_gap>& skipped) {
    asio::post(delivery, [weak, done, skipped] {
      if (!skipped) return done(skipped.error());
      const auto self = weak.lock();
      // What is recorded is shown when it is served again.
      if (!self)
        return done(error{errc::unavailable, "the project is closing", "see `pulse gaps list`"});
      const auto& all = self->gaps_->all();
      const auto gap = std::ranges::find(
          all, skipped->after, [](const control::stored_gap& one) { return one.what.after; });
      assert(gap != all.end());
      done(*gap);
    });
  });
}

void project::use(const config::project_config& config) {
  with_.config.retention_age = config.retention_age;
  with_.config.retention_bytes = config.retention_bytes;
  with_.config.limits = config.limits;
  if (auto schema = config::read_prisma_schema(config.prisma_schema)) {
    with_.schema = std::move(*schema);
  } else {
    log_error("config", "Prisma schema invalid: the last one stays in use",
              {{"project", name()}, {"reason", schema.error().message()}});
  }
  use_retention();
  hub_->use_limits(config.limits);
}

void project::share_volume(std::size_t projects) {
  if (std::exchange(with_.projects, projects) != projects) use_retention();
}

void project::use_retention() {
  const auto now = retention();
  if (capture_) capture_->use_retention(now);
  figures_->use_limits(now.bytes_max, with_.config.storage_max);
}

// On the log's thread.
void project::log_moved() {
  capture_->log_progress();
  post_progress();
}

bool project::waits_for_visibility() const {
  return with_.config.delivers_visible != config::project_config::visibility::off;
}

// On the log's thread, or capture's.
void project::post_progress() {
  if (progress_posted_.exchange(true)) return;
  asio::post(with_.delivery, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->progress_posted_ = false;
    self->hub_->progress();
    self->captured_->progress();
    if (self->watch_) self->watch_->wake();
  });
}

result<streams::cursor_lag> project::measure_lag(const streams::cursor_key& key, const position& at,
                                                 std::uint64_t events_max,
                                                 const timelines& history) const {
  const auto table = with_.storage->relations->table(0, key.table);
  if (!table) return table.error();
  return streams::measure_lag(*with_.storage->log, at, *table, events_max, history);
}

result<position> project::find_position(const streams::seek_target& target,
                                        const timelines& history) const {
  return streams::find_position(*with_.storage->log, target, history);
}

void project::find_start(const streams::seek_target& target, found_start done) {
  // Whoever waits for its turn keeps no project from closing.
  asio::post(with_.reading, [storage = std::weak_ptr(with_.storage), target,
                             history = followed_history(), delivery = with_.delivery,
                             done = std::move(done)] {
    auto held = storage.lock();
    const auto found =
        held ? streams::find_read_start(*held->log, target, history)
             : result<position>(error{errc::unavailable, "the project is closing", "ask again"});
    // What is held is handed on, so that nothing of the project ends here.
    asio::post(delivery, [held = std::move(held), found, done] { done(found); });
  });
}

void project::tick(std::chrono::steady_clock::time_point now) {
  hub_->tick(now);
  pulls_->tick();
  if (catalog_unsaved_) keep_catalog([] {});
  figures_->take(with_.storage->log->bounds(), capture(), now);
  look_for_expiry(now);
}

// Of who waits for events that go soon; without event persistence nobody's place is kept.
void project::look_for_expiry(std::chrono::steady_clock::time_point now) {
  if (!with_.config.event_persistence || now - last_expiry_look_ < expiry_look_interval) return;
  last_expiry_look_ = now;
  auto nearly = retention();
  if (nearly.age_max) *nearly.age_max = *nearly.age_max * expiry_near_percent / 100;
  if (nearly.bytes_max) *nearly.bytes_max = *nearly.bytes_max / 100 * expiry_near_percent;
  hub_->look_for_expiry(with_.storage->log->trimmable(nearly, system_clock_source().now()));
}

server::project_service::capture_status project::capture() const {
  return capture_ ? capture_->status() : capture_status{};
}

void project::find_end(std::function<void(result<end_mark>)> done) {
  // Nothing of whoever asks is left with the capture thread.
  capture_->find_end(
      [delivery = with_.delivery, done = std::move(done)](const auto& found) mutable {
        asio::post(delivery, [done = std::move(done), found] { done(found); });
      });
}

std::string project::not_ready() const {
  if (catalog_) return {};
  const auto state = capture();
  return state.problem.empty() ? "PostgreSQL has not been reached yet" : state.problem;
}

void project::begin_close() {
  if (capture_) capture_->begin_stop();
}

void project::close(streams::end_reason reason, std::string message,
                    const asio::any_io_executor& elsewhere, std::function<void()> done) {
  begin_close();
  auto end_streams = [self = shared_from_this(), reason, message = std::move(message),
                      done = std::move(done)] {
    // In a turn of its own: it may let the hub go, which is not done with itself yet.
    self->hub_->shut_down(reason, message,
                          [delivery = self->with_.delivery, done] { asio::post(delivery, done); });
  };
  // What it holds is handed on, so that nothing of the project ends elsewhere.
  asio::post(elsewhere, [capture = capture_.get(), delivery = with_.delivery,
                         end_streams = std::move(end_streams)]() mutable {
    if (capture != nullptr) capture->stop();
    asio::post(delivery, std::move(end_streams));
  });
}

}  // namespace pulse::app
