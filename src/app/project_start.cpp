// How a project's capture begins, and where what it finds goes: into the state store, to the
// streams, among the gaps.
#include <memory>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "app/project.hpp"
#include "base/logging.hpp"
#include "control/origin_json.hpp"

namespace pulse::app {

namespace asio = boost::asio;

namespace {

// For who needs the gap recorded, and not the record.
capture::gap_keeper::recorded only_whether(std::function<void(result<void>)> done) {
  return [done = std::move(done)](const result<control::stored_gap>& gap) {
    done(gap ? result<void>() : result<void>(gap.error()));
  };
}

}  // namespace

void project::start() {
  capture_ = std::make_unique<capture::capture>(capture_parts());
  auto& storage = *with_.storage;
  const auto* end = waits_for_visibility() ? &storage.deliverable : nullptr;
  captured_.emplace(with_.delivery, *capture_, *storage.log, end, with_.before.whose.history);
  if (with_.watcher) {
    watch_ = std::make_unique<event_watch>(*storage.log, *storage.relations, end, *with_.watcher);
  }
  storage.news.tell([this] { log_moved(); });
  capture_->start();
}

// What capture needs, and where its news go: to this project, as long as it is there.
capture::capture::parts project::capture_parts() {
  auto& storage = *with_.storage;
  capture::capture::parts to;
  to.project = with_.config;
  to.target = with_.target;
  to.log = storage.log.get();
  to.relations = storage.relations.get();
  to.spill = storage.spill.get();
  if (waits_for_visibility()) to.deliverable = &storage.deliverable;
  to.on_deliverable = [this] { post_progress(); };
  to.figures = with_.figures;
  if (with_.config.event_persistence) {
    to.whose = with_.before.whose;
    to.slot = with_.before.slot;
    to.published = with_.before.published;
    to.last_catalog = with_.before.known;
  }
  to.retention = retention();
  for (const auto& gap : with_.before.gaps) {
    if (traits_of(gap.what.kind).skips_its_end && gap.what.through)
      to.skipped.push_back(*gap.what.through);
  }
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
        self->with_.before.whose = whose;
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
    // The hub may outlive the project, with which capture has gone.
    const auto told = [weak, done = std::move(done)](bool may_drop) {
      if (const auto self = weak.lock()) done(may_drop);
    };
    asio::post(delivery, [weak, through, told] {
      if (const auto self = weak.lock()) self->hub_->make_way(through, told);
    });
  };
  return to;
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

}  // namespace pulse::app
