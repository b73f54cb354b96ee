#include "app/project.hpp"

#include "config/prisma_schema_file.hpp"
#include <algorithm>
#include <cassert>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "app/cursor_keeper.hpp"
#include "app/volume_share.hpp"
#include "base/logging.hpp"
#include "control/origin_json.hpp"
#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "log/relation_file.hpp"
#include "log/segment_log.hpp"

namespace pulse::app {

namespace asio = boost::asio;

namespace {

// Without event persistence: what subscribe() may be behind by.
constexpr std::uint64_t live_bytes_max = std::uint64_t{16} << 20U;
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

// For who needs the gap recorded, and not the record.
capture::gap_keeper::recorded only_whether(std::function<void(result<void>)> done) {
  return [done = std::move(done)](const result<control::stored_gap>& gap) {
    done(gap ? result<void>() : result<void>(gap.error()));
  };
}

}  // namespace

result<std::shared_ptr<project>> project::open(parts with) {
  std::shared_ptr<project> made(new project(std::move(with)));
  const auto& config = made->with_.config;
  auto target = source::parse_database_url(config.database_url);
  if (!target) return wrap("project " + config.name, target.error());
  made->target_ = std::move(*target);
  for (const auto& name : made->target_.ignored) {
    log_info("config", "parameter of the database URL ignored",
             {{"project", config.name}, {"parameter", name}});
  }
  auto schema = config::read_prisma_schema(config.prisma_schema);
  if (!schema) return wrap("project " + config.name, schema.error());
  made->schema_ = std::move(*schema);
  if (auto opened = made->open_storage(); !opened)
    return wrap("project " + config.name, opened.error());
  made->catalog_ = made->with_.last_catalog;
  made->cursors_ =
      std::make_shared<cursor_keeper>(config.name, made->with_.delivery, made->with_.control);
  made->hub_ = std::make_unique<streams::hub>(
      streams::hub::parts{made->with_.delivery, made->log_.get(), made->relations_.get(),
                          made->cursors_.get(), made->with_.figures, config.name,
                          &system_clock_source(),
                          [weak = std::weak_ptr(made)](const log::damaged_stretch& lost,
                                                       std::function<void(result<void>)> done) {
                            if (const auto self = weak.lock())
                              self->record_damage(lost, std::move(done));
                          },
                          made->waits_for_visibility() ? &made->deliverable_ : nullptr},
      config.limits);
  if (config.event_persistence) {
    for (const auto& one : made->with_.cursors)
      made->hub_->know({{one.table, one.name}, one.at, one.used_at, one.abandoned_at.has_value()});
  }
  made->hub_->use_history(made->with_.whose.history);
  for (const auto& gap : made->with_.gaps) {
    if (traits_of(gap.what.kind).skips_its_end && gap.what.through)
      made->skipped_.push_back(*gap.what.through);
  }
  made->gaps_ = std::make_shared<capture::gap_keeper>(
      capture::gap_keeper::parts{config.name, made->with_.delivery, made->with_.control,
                                 made->with_.figures, made->hub_.get(), config.goes_on_at_gaps},
      std::move(made->with_.gaps));
  made->figures_.emplace(*made->with_.figures, config.name, made->with_.data_dir,
                         made->log_->bounds());
  made->figures_->use_limits(made->retention().bytes_max, config.storage_max);
  return made;
}

project::~project() {
  // The log's thread tells capture of its progress until the log is closed; streams read from the
  // log.
  if (capture_) capture_->stop();
  watch_.reset();
  gaps_.reset();
  hub_.reset();
  log_.reset();
}

result<void> project::open_storage() {
  const auto directory = with_.data_dir / "projects" / with_.config.name;
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure)
    return error{errc::io, "making " + directory.string() + ": " + failure.message(),
                 "check the data directory"};
  if (auto opened = open_log(directory); !opened) return opened;
  auto files = log::open_directory(directory / "spill", with_.config.name);
  if (!files) return files.error();
  auto spill = log::spill_area::open(std::move(*files));
  if (!spill) return spill.error();
  spill_ = std::move(*spill);
  return {};
}

result<void> project::open_log(const std::filesystem::path& directory) {
  const auto& config = with_.config;
  if (!config.event_persistence) {
    relations_ = std::make_unique<log::memory_relations>();
    log_ = std::make_unique<log::memory_log>(live_bytes_max);
    return {};
  }
  auto files = log::open_directory(directory / "log", config.name);
  if (!files) return files.error();
  auto relations = log::relation_file::open(**files);
  if (!relations) return relations.error();
  relations_ = std::move(*relations);
  log::segment_log_options options;
  options.segment_bytes = config.segment_bytes;
  options.storage_bytes_max = config.storage_max.value_or(0);
  auto opened = log::segment_log::open(std::move(*files), std::move(options));
  if (!opened) return opened.error();
  log_ = std::move(*opened);
  const auto bounds = log_->bounds();
  log_info("log", "event log opened",
           {{"project", config.name},
            {"events", bounds.last + 1 - bounds.first},
            {"bytes", bounds.stored_bytes},
            {"covered_through", to_string(bounds.covered_through)}});
  return {};
}

void project::start() {
  capture::capture::parts to;
  to.project = with_.config;
  to.target = target_;
  to.log = log_.get();
  to.relations = relations_.get();
  to.spill = spill_.get();
  if (waits_for_visibility()) to.deliverable = &deliverable_;
  to.on_deliverable = [this] { post_progress(); };
  to.figures = with_.figures;
  if (with_.config.event_persistence) {
    to.whose = with_.whose;
    to.slot = with_.slot;
    to.published = with_.published;
    to.last_catalog = with_.last_catalog;
  }
  to.retention = retention();
  to.skipped = skipped_;
  to.on_catalog = [weak = weak_from_this(), delivery = with_.delivery](
                      std::shared_ptr<const catalog> known, std::function<void()> kept) {
    asio::post(delivery, [weak, known = std::move(known), kept = std::move(kept)]() mutable {
      if (const auto self = weak.lock()) self->catalog_read(std::move(known), std::move(kept));
    });
  };
  const auto keep = [control = with_.control, delivery = with_.delivery, name = name(),
                     weak = weak_from_this()](const std::string& fact, const std::string& value,
                                              std::function<void(result<void>)> done) {
    control->run(
        delivery,
        [name, fact, value](control::state_store& store) {
          return store.set_fact(name, fact, value);
        },
        // Capture lives as long as the project.
        [weak, done = std::move(done)](const result<void>& kept) {
          if (const auto self = weak.lock()) done(kept);
        });
  };
  to.keep_fact = [keep, name = name()](const std::string& fact, const std::string& value) {
    keep(fact, value, [name, fact](const result<void>& kept) {
      if (kept) return;
      log_warning("state", "fact not stored: it is stored when it changes again",
                  {{"project", name}, {"fact", fact}, {"reason", kept.error().message()}});
    });
  };
  to.keep_slot = [keep](source::slot_history known, std::function<void(result<void>)> done) {
    keep("slot", std::string(source::to_string(known)), std::move(done));
  };
  to.keep_origin = [keep, weak = weak_from_this()](const log_origin& whose,
                                                   std::function<void(result<void>)> done) {
    const auto kept = [weak, whose, done = std::move(done)](const result<void>& outcome) {
      const auto self = weak.lock();
      if (!self) return;
      if (outcome) {
        self->with_.whose = whose;
        self->hub_->use_history(whose.history);
      }
      done(outcome);
    };
    keep("origin", control::to_json(whose), kept);
  };
  to.record_gap = [weak = std::weak_ptr(gaps_)](const history_gap& found,
                                                std::function<void(result<void>)> done) {
    const auto keeper = weak.lock();
    if (!keeper) return;
    keeper->record(found, only_whether(std::move(done)));
  };
  to.withdraw_gaps = [weak = std::weak_ptr(gaps_)](const position& beyond,
                                                   std::function<void(result<void>)> done) {
    if (const auto keeper = weak.lock()) keeper->withdraw_beyond(beyond, std::move(done));
  };
  to.on_setup_refused = [delivery = with_.delivery, tell = with_.on_setup_refused](error why) {
    asio::post(delivery, [tell, why = std::move(why)] { tell(why); });
  };
  to.make_way = [weak = weak_from_this(), delivery = with_.delivery](
                    const position& through, std::function<void(bool)> done) {
    asio::post(delivery, [weak, through, done = std::move(done)] {
      if (const auto self = weak.lock()) self->hub_->make_way(through, done);
    });
  };
  capture_ = std::make_unique<capture::capture>(std::move(to));
  if (with_.watcher) {
    watch_ = std::make_unique<event_watch>(
        *log_, *relations_, waits_for_visibility() ? &deliverable_ : nullptr, *with_.watcher);
  }
  log_->on_progress([this] { log_moved(); });
  capture_->start();
}

void project::record_damage(const log::damaged_stretch& lost,
                            std::function<void(result<void>)> done) {
  history_gap gap;
  gap.kind = gap_kind::damaged;
  gap.after = lost.after;
  gap.through = lost.through;
  gap.tables = lost.tables;
  gap.reason = fmt::format("{} stored event(s) cannot be read ({})", lost.event_count, lost.place);
  gaps_->record(gap, only_whether(std::move(done)));
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
      const auto self = weak.lock();
      if (!self) return;
      if (!skipped) return done(skipped.error());
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
    schema_ = std::move(*schema);
  } else {
    log_error("config", "Prisma schema invalid: the last one stays in use",
              {{"project", name()}, {"reason", schema.error().message()}});
  }
  capture_->use_retention(retention());
  figures_->use_limits(retention().bytes_max, with_.config.storage_max);
  hub_->use_limits(config.limits);
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
    if (self->watch_) self->watch_->wake();
  });
}

result<streams::cursor_lag> project::measure_lag(const streams::cursor_key& key, const position& at,
                                                 std::uint64_t events_max,
                                                 const timelines& history) const {
  const auto table = relations_->table(0, key.table);
  if (!table) return table.error();
  return streams::measure_lag(*log_, at, *table, events_max, history);
}

result<position> project::find_position(const streams::seek_target& target,
                                        const timelines& history) const {
  return streams::find_position(*log_, target, history);
}

void project::tick(std::chrono::steady_clock::time_point now) {
  hub_->tick(now);
  if (catalog_unsaved_) keep_catalog([] {});
  figures_->take(log_->bounds(), capture(), now);
  look_for_expiry(now);
}

// Of who waits for events that go soon; without event persistence nobody's place is kept.
void project::look_for_expiry(std::chrono::steady_clock::time_point now) {
  if (!with_.config.event_persistence || now - last_expiry_look_ < expiry_look_interval) return;
  last_expiry_look_ = now;
  auto nearly = retention();
  if (nearly.age_max) *nearly.age_max = *nearly.age_max * expiry_near_percent / 100;
  if (nearly.bytes_max) *nearly.bytes_max = *nearly.bytes_max / 100 * expiry_near_percent;
  hub_->look_for_expiry(log_->trimmable(nearly, system_clock_source().now()));
}

server::project_service::capture_status project::capture() const {
  return capture_ ? capture_->status() : capture_status{};
}

std::string project::not_ready() const {
  if (catalog_) return {};
  const auto state = capture();
  return state.problem.empty() ? "PostgreSQL has not been reached yet" : state.problem;
}

void project::begin_stop() {
  if (capture_) capture_->begin_stop();
}

void project::stop(std::function<void()> done) {
  if (capture_) capture_->stop();
  hub_->shut_down(streams::end_reason::shutdown, "Pulse is shutting down", std::move(done));
}

}  // namespace pulse::app
