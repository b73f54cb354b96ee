#include "streams/name_expiry.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/logging.hpp"
#include "streams/stream_state.hpp"

namespace pulse::streams {
namespace {

// Names looked at in one turn: each reads the log at one place.
constexpr std::size_t names_a_turn = 64;
constexpr std::chrono::minutes age_check_interval{10};
// An open name says so this often, whether its cursor moves or not.
constexpr std::chrono::hours touch_interval{24};

// Retention asks every half a minute, or twice a second when the disk is full. A disk that fails
// for a moment costs nobody anything; one that never reads a segment again does not keep all
// others.
constexpr int unread_checks_max = 20;

constexpr const char* reset_hint =
    "run `pulse streams seek` to move the cursor to a stored position, or `pulse streams delete` "
    "to start the name from scratch; with on_expired = \"earliest\" it continues by itself";

}  // namespace

name_expiry::name_expiry(const hub::parts& with, const stream_limits& limits, cursor_book& book,
                         const known_gaps& gaps, read_failures& failures)
    : with_(&with),
      limits_(&limits),
      book_(&book),
      gaps_(&gaps),
      failures_(&failures),
      search_(*with.log),
      expired_total_(with.figures->counter(metric::cursors_expired, with.project)),
      abandoned_total_(with.figures->counter(metric::cursors_abandoned, with.project)),
      deleted_total_(with.figures->counter(metric::cursors_abandoned_deleted, with.project)) {}

cursor_condition name_expiry::condition(const cursor_key& key, const position& at) const {
  const auto name = book_->find(key);
  if (name && name->abandoned) return cursor_condition::abandoned;
  return at < with_->log->bounds().dropped_through ? cursor_condition::expired
                                                   : cursor_condition::kept;
}

result<void> name_expiry::check_kept(name_state& name) {
  const auto bounds = with_->log->bounds();
  error why;
  switch (condition(name.key, name.cursor)) {
    case cursor_condition::kept:
      return {};
    case cursor_condition::expired:
      why = {errc::gap,
             fmt::format("this stream has expired: its cursor is at {}, and retention dropped "
                         "events through {}",
                         to_string(name.cursor), to_string(bounds.dropped_through)),
             reset_hint};
      break;
    case cursor_condition::abandoned:
      why = {errc::gap,
             fmt::format("this stream has expired: nobody opened its name for {} days, and its "
                         "cursor was at {}",
                         std::chrono::floor<std::chrono::days>(limits_->abandoned_after).count(),
                         to_string(name.cursor)),
             reset_hint};
      break;
  }
  if (limits_->on_expired == when_expired::refuse) return why;
  go_on_from_earliest(name, why);
  return {};
}

void name_expiry::go_on_from_earliest(name_state& name, const error& why) {
  log_warning("streams", "expired stream continues at the oldest stored event",
              {{"project", with_->project},
               {"table", to_string(name.key.table)},
               {"stream", name.key.name},
               {"reason", why.what}});
  name.cursor = std::max(name.cursor, with_->log->bounds().dropped_through);
  name.overtaken = false;
  book_->take_back(name);
}

void name_expiry::make_way(const position& through, std::function<void(bool)> done) {
  if (way_) return done(false);
  way_.emplace();
  way_->through = through;
  way_->done = std::move(done);
  for (const auto& [key, name] : book_->names()) {
    if (!name->opening && !name->abandoned && name->reached() < through)
      way_->names.push_back(name);
  }
  look_at_some();
}

void name_expiry::look_at_too(const std::shared_ptr<name_state>& name) {
  if (!way_ || name->abandoned) return;
  if (name->cursor < way_->through) {
    way_->names.push_back(name);
  } else {
    way_->moved.emplace_back(name, name->cursor);
  }
}

void name_expiry::look_at_some() {
  auto bytes = searched_bytes_a_turn;
  for (std::size_t i = 0; i < names_a_turn && !way_->names.empty(); ++i) {
    const auto name = way_->names.back().lock();
    const auto found = name ? check_waiting(*name, way_->through, bytes) : waiting_for::something;
    if (found == waiting_for::not_sought) break;
    way_->names.pop_back();
    if (found != waiting_for::nothing) continue;
    name->cursor = std::max(name->cursor, way_->through);
    // A stream that waits for room reads on from here.
    if (name->active != nullptr) name->active->after = std::max(name->active->after, way_->through);
    way_->moved.emplace_back(name, name->cursor);
  }
  if (way_->names.empty()) return save_moved();
  boost::asio::post(with_->executor, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look_at_some();
  });
}

void name_expiry::save_moved() {
  std::vector<cursor_store::saved_cursor> moved;
  for (const auto& [known, at] : std::exchange(way_->moved, {})) {
    if (const auto name = known.lock()) moved.push_back({name->key, at});
  }
  if (moved.empty()) return finish(std::vector<cursor_key>());
  with_->cursors->save(std::move(moved),
                       [weak = weak_from_this()](const result<std::vector<cursor_key>>& saved) {
                         if (const auto self = weak.lock()) self->finish(saved);
                       });
}

void name_expiry::finish(const result<std::vector<cursor_key>>& saved) {
  const auto made = std::move(*way_);
  way_.reset();
  if (!saved) {
    log_error("streams", "cursors could not be saved: retention drops nothing until they are",
              {{"project", with_->project}, {"reason", saved.error().message()}});
  }
  if (made.unread)
    failures_->note(
        "retention waits, because stored events that a stream may need could not be read",
        *made.unread);
  const bool missing = saved && book_->store_anew(*saved);
  made.done(saved && !missing && !made.unread);
}

// Whether an event of the name's table, not acknowledged yet, is among what is to be dropped, or a
// gap that nobody has accepted: a cursor behind it would never be told.
name_expiry::waiting_for name_expiry::check_waiting(name_state& name, const position& through,
                                                    std::uint64_t& bytes) {
  const auto at = name.reached();
  if (at >= through) return waiting_for::nothing;
  // Not by its name: the table may have another by now, which is not followed yet (hub::follow()).
  if (name.table == 0) book_->find_table(name);
  const auto* gap = gaps_->bar_behind(at, name.table);
  const bool bars = gap != nullptr && gap->what.after < through;
  if (name.table != 0 && !bars) {
    const auto found = search_.look({at, through, name.table}, bytes);
    if (found && !*found) return waiting_for::not_sought;
    const bool unread = !found && found.error().code == errc::io;
    if (unread && ++name.unread_checks <= unread_checks_max) {
      way_->unread = found.error();
      return waiting_for::unknown;
    }
    if (!unread) name.unread_checks = 0;
    if (found && !**found) return waiting_for::nothing;
  }
  if (std::exchange(name.overtaken, true)) return waiting_for::something;
  expired_total_.Increment();
  log_warning("streams",
              bars ? "stream expired at an open gap: it is refused until the gap is accepted"
                   : "stream expired, because retention drops events that it waits for: it is "
                     "refused, or continues after them with on_expired = \"earliest\"",
              {{"project", with_->project},
               {"table", to_string(name.key.table)},
               {"stream", name.key.name},
               {"cursor", to_string(at)},
               {"dropped_through", to_string(through)}});
  return waiting_for::something;
}

void name_expiry::abandon_unused(std::chrono::steady_clock::time_point now) {
  if (last_age_check_ == std::chrono::steady_clock::time_point{}) last_age_check_ = now;
  if (now - last_age_check_ < age_check_interval) return;
  last_age_check_ = now;
  const auto today = with_->clock->now();
  std::vector<cursor_key> forgotten;
  for (const auto& [key, name] : book_->names()) {
    if (name->opening) continue;
    if (name->abandoned) {
      const bool in_use = name->active != nullptr || !name->standbys.empty();
      if (!in_use && limits_->abandoned_after.count() != 0 &&
          today - name->used_at >= 2 * limits_->abandoned_after) {
        forgotten.push_back(key);
      }
      continue;
    }
    if (name->active != nullptr) {
      if (today - name->used_at >= touch_interval) book_->use(*name);
      continue;
    }
    if (limits_->abandoned_after.count() == 0 || today - name->used_at < limits_->abandoned_after)
      continue;
    abandoned_total_.Increment();
    book_->abandon(*name);
    log_warning("streams", "name abandoned, because nobody opened it: its cursor has expired",
                {{"project", with_->project},
                 {"table", to_string(key.table)},
                 {"stream", key.name},
                 {"cursor", to_string(name->cursor)}});
  }
  remove_abandoned(forgotten);
}

void name_expiry::remove_abandoned(const std::vector<cursor_key>& keys) {
  for (const auto& key : keys) {
    const auto name = book_->remove(key);
    with_->cursors->remove(key);
    deleted_total_.Increment();
    log_warning("streams", "abandoned name deleted: it starts from scratch when it is opened",
                {{"project", with_->project},
                 {"table", to_string(key.table)},
                 {"stream", key.name},
                 {"cursor", to_string(name->cursor)}});
  }
}

}  // namespace pulse::streams
